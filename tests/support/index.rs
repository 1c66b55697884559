//! A package index on this machine, with the simple API: it serves the wheels of a folder, to those who know the password if
//! it has one.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use data_encoding::BASE64;

use super::sha256;

/// It serves until it is dropped.
pub(crate) struct Index {
    place: String,
    stopped: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Index {
    /// Serves the wheels of a folder as they are at each moment, to `user:password` if that is given.
    pub(crate) fn serve(wheels: &Path, credentials: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let index = Self { place, stopped: Arc::default(), refused: Arc::default() };
        let expected = credentials.map(|credentials| format!("Basic {}", BASE64.encode(credentials.as_bytes())));
        let (stopped, refused, wheels) = (index.stopped.clone(), index.refused.clone(), wheels.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (expected, refused, wheels) = (expected.clone(), refused.clone(), wheels.clone());
                std::thread::spawn(move || answer(&stream, &wheels, expected.as_deref(), &refused));
            }
        });
        index
    }

    /// Its URL, with `user:password` if that is given.
    pub(crate) fn url(&self, credentials: Option<&str>) -> String {
        let credentials = credentials.map(|credentials| format!("{credentials}@")).unwrap_or_default();
        format!("http://{credentials}{}/simple/", self.place)
    }

    /// How many requests had no right password.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.place);
    }
}

fn answer(mut stream: &TcpStream, wheels: &Path, expected: Option<&str>, refused: &AtomicUsize) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut words = request.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let given = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim())
    });
    let (status, kind, body) = if expected.is_some() && given != expected {
        refused.fetch_add(1, Ordering::Relaxed);
        ("401 Unauthorized", "text/plain", Vec::new())
    } else {
        match find(wheels, path) {
            Some((kind, body)) => ("200 OK", kind, body),
            None => ("404 Not Found", "text/plain", Vec::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nWWW-Authenticate: Basic realm=\"index\"\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if method != "HEAD" {
        stream.write_all(&body).ok()?;
    }
    Some(())
}

fn find(wheels: &Path, path: &str) -> Option<(&'static str, Vec<u8>)> {
    if let Some(file) = path.strip_prefix("/files/") {
        let path: PathBuf = wheels.join(file);
        return (!file.contains('/')).then(|| fs::read(path).ok())?.map(|bytes| ("application/octet-stream", bytes));
    }
    let project = path.strip_prefix("/simple/")?.trim_end_matches('/');
    let mut page = String::from("<!DOCTYPE html>\n");
    let mut files: Vec<PathBuf> = fs::read_dir(wheels).ok()?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name()?.to_str()?;
        if name.split('-').next()?.replace('_', "-").to_lowercase() == project {
            let digest = sha256(&fs::read(&file).ok()?);
            let _ = writeln!(page, "<a href=\"/files/{name}#sha256={digest}\">{name}</a>");
        }
    }
    page.contains("<a ").then(|| ("text/html", page.into_bytes()))
}
