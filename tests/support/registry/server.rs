//! An HTTP server of a thread per connection, that can also misbehave.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// More than sockets keep.
const LARGE: u64 = 8 << 20;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Question {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let find = |pair: &str| pair.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        let value = query.split('&').find_map(find)?;
        Some(percent_encoding::percent_decode_str(&value).decode_utf8().unwrap().into_owned())
    }

    /// `PUT /v2/a/manifests/1`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

/// What is answered.
#[derive(Clone)]
pub(crate) enum Reply {
    /// An answer as it should be.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// These bytes, and then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, and then more without an end.
    Endless(Vec<u8>),
    /// Nothing: the connection is closed.
    Drop,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Answer(status, headers, body.as_ref().to_vec())
    }

    /// A registry's no.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string();
        Self::new(status, &[("content-type", "application/json")], body)
    }
}

type Answer = dyn Fn(&Question) -> Reply + Send + Sync;

/// A server on a free port of this machine, for as long as the test runs.
pub(crate) struct Server {
    pub(crate) address: String,
    questions: Arc<Mutex<Vec<Question>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_cutting(0, answer)
    }

    /// The first so many large bodies are cut off in their middle.
    pub(crate) fn start_cutting(cuts: usize, answer: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Self {
        let cuts = Arc::new(AtomicUsize::new(cuts));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let questions = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer): (_, Arc<Answer>) = (Arc::clone(&questions), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer, cuts) = (Arc::clone(&kept), Arc::clone(&answer), Arc::clone(&cuts));
                thread::spawn(move || serve(&stream, &kept, &cuts, &*answer));
            }
        });
        Self { address, questions }
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }

    /// What was asked, but for the question whether it is a registry.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.questions().iter().map(Question::line).filter(|line| line != "GET /v2/").collect()
    }

    /// How often a method was asked for.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(method)).count()
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Question>>, cuts: &AtomicUsize, answer: &Answer) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let question = read(&mut reader, cuts)?;
        kept.lock().unwrap().push(question.clone());
        let mut stream = stream;
        match answer(&question) {
            Reply::Answer(status, headers, body) => {
                let mut text = format!("HTTP/1.1 {status} x\r\n");
                for (name, value) in headers {
                    let _ = write!(text, "{name}: {value}\r\n");
                }
                let _ = write!(text, "content-length: {}\r\n\r\n", body.len());
                stream.write_all(text.as_bytes()).ok()?;
                if question.method != "HEAD" {
                    stream.write_all(&body).ok()?;
                }
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).ok()?;
                return None;
            }
            Reply::Endless(bytes) => {
                stream.write_all(&bytes).ok()?;
                let more = [b' '; 1 << 14];
                // Until the client has enough.
                while stream.write_all(format!("{:x}\r\n", more.len()).as_bytes()).is_ok() {
                    stream.write_all(&more).ok()?;
                    stream.write_all(b"\r\n").ok()?;
                }
                return None;
            }
            Reply::Drop => {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return None;
            }
        }
    }
}

fn read(reader: &mut impl BufRead, cuts: &AtomicUsize) -> Option<Question> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut question = Question { method, target, headers, body: Vec::new() };
    let length: u64 = question.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let is_cut = |left: usize| if length > LARGE { left.checked_sub(1) } else { None };
    if cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_cut).is_ok() {
        reader.take(length / 2).read_to_end(&mut question.body).ok()?;
        return None;
    }
    let read = reader.take(length).read_to_end(&mut question.body).ok()?;
    (read as u64 == length).then_some(question)
}
