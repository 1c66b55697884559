//! `CloudWatch`'s calls as moto knows them: the SDK speaks Smithy's RPC v2 in CBOR, and moto the query protocol alone.
//!
//! Sources: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>, RFC 8949.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::registry::{Question, Reply};

/// The operation of a question in that protocol.
pub(crate) fn operation(question: &Question) -> Option<&str> {
    question.path().strip_prefix("/service/")?.split_once("/operation/").map(|(_, operation)| operation)
}

/// The same question in the query protocol.
pub(crate) fn as_query(question: &Question, operation: &str) -> Question {
    let mut form = format!("Action={operation}&Version=2010-08-01");
    let mut add = |name: &str, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let _ = write!(form, "&{name}={text}");
    };
    let Some((Value::Object(members), _)) = read(&question.body) else { panic!("{question:?}") };
    for (name, value) in &members {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    add(&format!("{name}.member.{}", index + 1), item);
                }
            }
            value => add(name, value),
        }
    }
    let own = ["content-type", "accept", "smithy-protocol", "x-amzn-query-mode"];
    let mut headers = question.headers.clone();
    headers.retain(|(name, _)| !own.contains(&name.as_str()));
    headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
    Question { method: "POST".into(), target: "/".into(), headers, body: form.into_bytes() }
}

/// An answer of the query protocol in the other one.
pub(crate) fn from_query(reply: Reply) -> Reply {
    let Reply::Answer(status, _, body) = reply else { return reply };
    let xml = String::from_utf8_lossy(&body);
    if status >= 300 {
        let code = text_of(&xml, "Code").unwrap_or_default();
        let code = if code == "ResourceNotFound" { "DashboardNotFoundError".into() } else { code };
        return error(status, &code, &text_of(&xml, "Message").unwrap_or_default());
    }
    let names = ["DashboardArn", "DashboardBody", "DashboardName"];
    let members = names.into_iter().filter_map(|name| Some((name, text_of(&xml, name)?))).collect::<Vec<_>>();
    answer(200, &members)
}

/// A refusal in this protocol.
pub(crate) fn error(status: u16, code: &str, words: &str) -> Reply {
    answer(status, &[("__type", format!("com.amazonaws.cloudwatch#{code}")), ("message", words.to_owned())])
}

fn answer(status: u16, members: &[(&str, String)]) -> Reply {
    // Maps and texts whose length is in the next four bytes.
    let mut body = vec![0xba];
    body.extend(u32::try_from(members.len()).unwrap().to_be_bytes());
    for text in members.iter().flat_map(|(name, value)| [*name, value]) {
        body.push(0x7a);
        body.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.as_bytes());
    }
    Reply::new(status, &[("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body)
}

fn text_of(xml: &str, tag: &str) -> Option<String> {
    let text = xml.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>"))?.0;
    let plain = [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    Some(plain.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
}

/// A value, and what comes after it; none at the end of what has no length.
fn read(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (kind, short) = (first >> 5, first & 31);
    if *first == 0xff {
        return None;
    }
    let (length, rest) = match short {
        0..=23 => (Some(u64::from(short)), rest),
        24..=27 => {
            let (number, rest) = rest.split_at_checked(1 << (short - 24))?;
            (Some(number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))), rest)
        }
        _ => (None, rest),
    };
    match kind {
        0 => Some((length?.into(), rest)),
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(length?).ok()?)?;
            Some((std::str::from_utf8(text).ok()?.into(), rest))
        }
        4 => {
            let (items, rest) = items(rest, length)?;
            Some((Value::Array(items), rest))
        }
        5 => {
            let (items, rest) = items(rest, length.map(|length| length * 2))?;
            let pairs = items.chunks(2).filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair.get(1)?.clone())));
            Some((Value::Object(pairs.collect::<Map<_, _>>()), rest))
        }
        7 => Some((Value::Bool(short == 21), rest)),
        _ => None,
    }
}

fn items(mut rest: &[u8], length: Option<u64>) -> Option<(Vec<Value>, &[u8])> {
    let mut items = Vec::new();
    while length.is_none_or(|length| (items.len() as u64) < length) {
        if length.is_none() && rest.first() == Some(&0xff) {
            return Some((items, &rest[1..]));
        }
        let (item, after) = read(rest)?;
        (rest, items) = (after, [items, vec![item]].concat());
    }
    Some((items, rest))
}
