//! An HTTP proxy that takes every connection to one place, whatever host is asked for: so a registry on this machine
//! answers for a name of the Internet.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// It works until the test ends.
pub(crate) struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// One that leads to `place`.
    pub(crate) fn to(place: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap().to_string(), asked: Arc::default() };
        let (place, asked) = (place.to_owned(), proxy.asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (place, asked) = (place.clone(), asked.clone());
                thread::spawn(move || lead(&stream, &place, &asked));
            }
        });
        proxy
    }

    /// For `HTTPS_PROXY`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The places that were asked for, `HOST:PORT`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn lead(stream: &TcpStream, place: &str, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while reader.read_line(&mut head).ok()? > 2 {}
    let mut words = head.split(' ');
    assert_eq!(words.next(), Some("CONNECT"));
    asked.lock().unwrap().push(words.next()?.to_owned());
    let there = TcpStream::connect(place).ok()?;
    let mut back = stream;
    back.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (from, to) = (there.try_clone().ok()?, stream.try_clone().ok()?);
    thread::spawn(move || copy(from, &to));
    copy(reader, &there)
}

fn copy(mut from: impl std::io::Read, mut to: &TcpStream) -> Option<()> {
    let copied = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    copied.ok().map(drop)
}
