//! Lambda's API on this machine, as far as layers go, with the storage that its answers lead to. It answers as AWS does
//! (status, headers and JSON as recorded), is the account of another unless told otherwise, and fails in the ways that a network
//! and a storage fail.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A part of every presigned URL, which nothing may show or keep.
pub(crate) const PRESIGNED: &str = "IQoJb3JpZ2luX2VjPRESIGNED";

/// What goes wrong.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// The storage answers 503 so often, and then the archive.
    Busy(u32),
    /// The storage closes the connection in the middle so often.
    Breaks(u32),
    /// The storage gives other bytes of the same length.
    Other,
    /// The storage gives more bytes than the API says.
    More,
    /// The API says that the archive is larger than a layer can be.
    Huge,
    /// The location leads to another one.
    Redirects,
    /// The location leads to itself.
    Circles,
    /// The storage refuses the link.
    Expired,
    /// The API answers 500 so often.
    ApiBusy(u32),
    /// The API refuses the credentials, and repeats what it was sent.
    Credentials,
}

#[derive(Default)]
struct State {
    /// By ARN without version: archives by version.
    layers: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    trouble: Trouble,
    may_list: bool,
    moto: Option<String>,
    /// Where archives are, if not here.
    storage: Option<String>,
    asked: Vec<String>,
}

/// It serves until the test ends.
#[derive(Clone)]
pub(crate) struct Lambda {
    place: String,
    state: Arc<Mutex<State>>,
}

impl Lambda {
    /// Without any layer.
    pub(crate) fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let lambda = Self { place: listener.local_addr().unwrap().to_string(), state: Arc::default() };
        let serving = lambda.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(&stream));
            }
        });
        lambda
    }

    /// One in front of moto, which has the layers: it has no `GetLayerVersionByArn`, lists by name only, and its
    /// `Content.Location` (`s3://`) leads nowhere.
    pub(crate) fn before_moto(moto: &str) -> Self {
        let lambda = Self::serve();
        lambda.state.lock().unwrap().moto = Some(moto.to_owned());
        lambda
    }

    /// For `AWS_ENDPOINT_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.place)
    }

    /// Has a version of a layer. With moto, only for the storage.
    pub(crate) fn publish(&self, arn: &str, version: u32, archive: Vec<u8>) {
        self.state.lock().unwrap().layers.entry(arn.to_owned()).or_default().insert(version, archive);
    }

    /// What goes wrong from now on.
    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.state.lock().unwrap().trouble = trouble;
    }

    /// Where archives are from now on: another place than this server.
    pub(crate) fn store_at(&self, place: &str) {
        self.state.lock().unwrap().storage = Some(place.to_owned());
    }

    /// Whether versions can be listed: by the layer's owner.
    pub(crate) fn may_list(&self, may: bool) {
        self.state.lock().unwrap().may_list = may;
    }

    /// What was asked since the last time: `list ARN`, `get ARN:VERSION`, `archive VERSION`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    fn answer(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
        let Some(path) = head.split(' ').nth(1).map(decode) else { return };
        let (status, kind, body, length) = self.of(&path, &head);
        let length = length.unwrap_or(body.len());
        let extra = match &kind {
            Kind::Json => "Content-Type: application/json\r\n".to_owned(),
            Kind::Error(name) => format!("Content-Type: application/json\r\nx-amzn-ErrorType: {name}\r\n"),
            Kind::To(place) => format!("Location: {place}\r\n"),
            Kind::Bytes => String::new(),
        };
        let _ = write!(stream, "HTTP/1.1 {status} X\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(&body);
    }

    fn of(&self, path: &str, head: &str) -> (u16, Kind, Vec<u8>, Option<usize>) {
        let mut state = self.state.lock().unwrap();
        let json = |value: &Value| (200, Kind::Json, value.to_string().into_bytes(), None);
        if let Some(rest) = path.strip_prefix("/archive/").or_else(|| path.strip_prefix("/moved/")) {
            let (arn, version) = rest.split('?').next().unwrap().rsplit_once(':').unwrap();
            let version: u32 = version.parse().unwrap();
            state.asked.push(format!("archive {version}"));
            let archive = state.layers[arn][&version].clone();
            return self.archive(&mut state.trouble, path, archive);
        }
        if let Trouble::ApiBusy(left @ 1..) = state.trouble {
            state.trouble = Trouble::ApiBusy(left - 1);
            return error(500, "ServiceException", "An error occurred and the request cannot be processed.");
        }
        if state.trouble == Trouble::Credentials {
            let said = format!("The security token included in the request is expired; the request was {head}");
            return error(403, "ExpiredTokenException", &said);
        }
        if let Some(arn) = path.split("Arn=").nth(1) {
            state.asked.push(format!("get {arn}"));
            if let Some(moto) = &state.moto {
                let (name, version) = name_and_version(arn);
                let (status, body) = get(moto, &format!("/2018-10-31/layers/{name}/versions/{version}"));
                let Some(mut found) = (status == 200).then(|| serde_json::from_str::<Value>(&body).unwrap()) else {
                    return error(404, "ResourceNotFoundException", "The resource you requested does not exist.");
                };
                found["Content"]["Location"] = json!(self.location("archive", arn));
                return json(&found);
            }
            let (layer, version) = arn.rsplit_once(':').unwrap();
            let archive = state.layers.get(layer).and_then(|versions| versions.get(&version.parse().ok()?));
            let Some(archive) = archive else {
                let said = format!(
                    "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: lambda:GetLayerVersion on \
                     resource: {arn} because no resource-based policy allows the lambda:GetLayerVersion action"
                );
                return error(403, "AccessDeniedException", &said);
            };
            let size = if state.trouble == Trouble::Huge { 262_144_001 } else { archive.len() };
            let location = state.storage.clone().unwrap_or_else(|| self.location("archive", arn));
            return json(&json!({
                "Content": {
                    "Location": location,
                    "CodeSha256": BASE64.encode(&Sha256::digest(archive)),
                    "CodeSize": size,
                },
                "LayerArn": layer,
                "LayerVersionArn": arn,
                "Description": "",
                "CreatedDate": "2026-03-11T09:13:04.513+0000",
                "Version": version.parse::<u32>().unwrap(),
            }));
        }
        let arn = path.trim_start_matches("/2018-10-31/layers/").split("/versions").next().unwrap();
        state.asked.push(format!("list {arn}"));
        if let Some(moto) = &state.moto {
            let (_, body) = get(moto, &format!("/2018-10-31/layers/{}/versions", name_and_version(arn).0));
            return json(&serde_json::from_str(&body).unwrap());
        }
        if !state.may_list {
            let said = format!(
                "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: lambda:ListLayerVersions on \
                 resource: {arn} because no resource-based policy allows the lambda:ListLayerVersions action"
            );
            return error(403, "AccessDeniedException", &said);
        }
        let versions = state.layers.get(arn).into_iter().flat_map(|versions| versions.keys().rev());
        json(&json!({ "LayerVersions": versions.map(|version| json!({ "Version": version })).collect::<Vec<_>>() }))
    }

    fn archive(&self, trouble: &mut Trouble, path: &str, archive: Vec<u8>) -> (u16, Kind, Vec<u8>, Option<usize>) {
        let length = archive.len();
        match *trouble {
            Trouble::Busy(left @ 1..) => {
                *trouble = Trouble::Busy(left - 1);
                (503, Kind::Bytes, b"<Error><Code>SlowDown</Code></Error>".to_vec(), None)
            }
            Trouble::Breaks(left @ 1..) => {
                *trouble = Trouble::Breaks(left - 1);
                (200, Kind::Bytes, archive[..length / 2].to_vec(), Some(length))
            }
            Trouble::Other => (200, Kind::Bytes, archive.iter().map(|byte| byte ^ 1).collect(), None),
            Trouble::More => (200, Kind::Bytes, [archive.as_slice(), b"more"].concat(), None),
            Trouble::Expired => (403, Kind::Bytes, format!("<Error>{path}</Error>").into_bytes(), None),
            Trouble::Circles => (307, Kind::To(format!("{}{path}", self.url())), Vec::new(), None),
            Trouble::Redirects if path.starts_with("/archive/") => {
                (307, Kind::To(format!("{}{}", self.url(), path.replace("/archive/", "/moved/"))), Vec::new(), None)
            }
            _ => (200, Kind::Bytes, archive, None),
        }
    }

    fn location(&self, kind: &str, arn: &str) -> String {
        format!("{}/{kind}/{arn}?versionId=x&X-Amz-Security-Token={PRESIGNED}&X-Amz-Signature={PRESIGNED}", self.url())
    }
}

enum Kind {
    Json,
    Error(&'static str),
    To(String),
    Bytes,
}

fn error(status: u16, name: &'static str, message: &str) -> (u16, Kind, Vec<u8>, Option<usize>) {
    let body = json!({ "Type": "User", "Message": message, "message": message });
    (status, Kind::Error(name), body.to_string().into_bytes(), None)
}

fn name_and_version(arn: &str) -> (&str, &str) {
    let mut parts = arn.split(':').skip(6);
    (parts.next().unwrap(), parts.next().unwrap_or_default())
}

fn decode(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// As a client of Lambda asks moto: which service is meant, it sees by the signature.
fn get(place: &str, path: &str) -> (u16, String) {
    request(place, "GET", path, "")
}

/// Publishes a version of a layer in moto; its ARN.
pub(crate) fn publish_in_moto(moto: &str, name: &str, archive: &[u8]) -> String {
    let body = json!({ "Content": { "ZipFile": BASE64.encode(archive) }, "CompatibleRuntimes": ["python3.13"] });
    let (status, body) = request(moto, "POST", &format!("/2018-10-31/layers/{name}/versions"), &body.to_string());
    assert_eq!(status, 201, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["LayerVersionArn"].as_str().unwrap().to_owned()
}

pub(crate) fn request(place: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(place).unwrap();
    let signed = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0";
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {place}\r\nAuthorization: {signed}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
