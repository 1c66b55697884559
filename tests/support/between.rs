//! A server in front of another one (moto), which sees every question, and can answer itself or lose an answer.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use super::cbor;
use super::registry::{Question, Reply, Server};

/// What becomes of a question.
pub(crate) enum Fate {
    /// It is passed on.
    Pass,
    /// This one is passed on instead.
    Instead(Question),
    /// It is answered here.
    Answer(Reply),
    /// It is passed on, and the answer is lost.
    Lost,
}

/// Starts one before `place`.
pub(crate) fn between(place: &str, decide: impl Fn(&Question) -> Fate + Send + Sync + 'static) -> Server {
    let place = place.to_owned();
    Server::start(move |question| match decide(question) {
        Fate::Pass => pass(&place, question),
        Fate::Instead(other) => pass(&place, &other),
        Fate::Answer(reply) => reply,
        Fate::Lost => {
            pass(&place, question);
            Reply::Drop
        }
    })
}

/// Asks the other server.
pub(crate) fn pass(place: &str, question: &Question) -> Reply {
    // moto does not know it.
    if question.path().trim_end_matches('/').ends_with("/account-settings") {
        return room(75 << 30);
    }
    match cbor::operation(question) {
        Some(operation) => cbor::from_query(ask(place, &cbor::as_query(question, operation))),
        None => renamed(question, ask(place, question)),
    }
}

/// An account of Lambda that has room for so many bytes of code.
pub(crate) fn room(bytes: u64) -> Reply {
    let body = format!(
        "{{\"AccountLimit\":{{\"TotalCodeSize\":{bytes},\"CodeSizeUnzipped\":262144000,\"CodeSizeZipped\":52428800,\
         \"ConcurrentExecutions\":1000,\"UnreservedConcurrentExecutions\":1000}},\"AccountUsage\":{{\"TotalCodeSize\":0,\
         \"FunctionCount\":0}}}}"
    );
    Reply::new(200, &[("content-type", "application/json")], body)
}

/// What moto says otherwise than AWS: the name of `GetBucketVersioning`'s answer, which the SDK looks at, an image's digest, and an alias
/// that is there already.
fn renamed(question: &Question, reply: Reply) -> Reply {
    match reply {
        Reply::Answer(status, headers, body) if question.method == "GET" && question.target.contains("?versioning") => {
            let text = String::from_utf8_lossy(&body).replace("GetBucketVersioningResponse", "VersioningConfiguration");
            Reply::Answer(status, headers, text.into_bytes())
        }
        // Of an image it takes the name apart at the port of a registry.
        Reply::Answer(200, headers, body) if question.method == "GET" && question.path().contains("/functions/") => {
            let Ok(mut told) = serde_json::from_slice::<serde_json::Value>(&body) else {
                return Reply::Answer(200, headers, body);
            };
            let Some(uri) = told["Code"]["ImageUri"].as_str().filter(|uri| uri.contains('@')).map(str::to_owned) else {
                return Reply::Answer(200, headers, body);
            };
            told["Code"]["ResolvedImageUri"] = uri.into();
            Reply::Answer(200, headers, told.to_string().into_bytes())
        }
        Reply::Answer(409, headers, body) if question.path().ends_with("/aliases") => {
            let named =
                |value: String| if value == "ConflictException" { "ResourceConflictException".into() } else { value };
            let headers = headers.into_iter().map(|(name, value)| (name, named(value))).collect();
            Reply::Answer(409, headers, body)
        }
        reply => reply,
    }
}

fn ask(place: &str, question: &Question) -> Reply {
    let Ok(mut stream) = TcpStream::connect(place) else { return Reply::Drop };
    let mut head = format!("{} {} HTTP/1.1\r\n", question.method, question.target);
    for (name, value) in &question.headers {
        if !["connection", "content-length"].contains(&name.as_str()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    let _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", question.body.len());
    let mut answer = Vec::new();
    let asked = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&question.body));
    if asked.and_then(|()| stream.read_to_end(&mut answer)).is_err() {
        return Reply::Drop;
    }
    read(&answer).unwrap_or(Reply::Drop)
}

fn read(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &answer[end + 4..];
    let body = if is_chunked { dechunked(body)? } else { body.to_vec() };
    let own = ["connection", "content-length", "transfer-encoding"];
    let headers = headers.into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
    Some(Reply::Answer(status, headers, body))
}

fn dechunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(end + 2..end + 2 + length)?);
        body = body.get(end + 4 + length..)?;
    }
}
