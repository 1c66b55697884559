//! The configuration of an image: the base's, with layers, command and labels added.
//!
//! What must stay true: what the base says and pack does not know stays as it is (Docker has fields that OCI has not);
//! layers and history agree, or there is no history; keys are in one order. Source: OCI image specification 1.1
//! (config.md).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::lambda::{Day, TASK};
use crate::registry::Digest;

/// What is set over the base's own.
#[derive(Clone, Debug)]
pub(super) struct Settings<'a> {
    /// The handler: the command of Lambda's entrypoints.
    pub handler: &'a str,
    /// What starts the handler; none where the base says it.
    pub entrypoint: Option<&'a [String]>,
    /// Whether that has to be started where the function is.
    pub is_in_task: bool,
    /// Labels beside the base's.
    pub labels: &'a BTreeMap<String, String>,
    /// When it says it was made, in seconds since 1970.
    pub created: u64,
}

/// A layer that is put above the base's.
#[derive(Clone, Debug)]
pub(super) struct Added {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// What is in it, for the history.
    pub what: String,
}

/// Reads a base's configuration, which may say anything. The error is the rest of a sentence about it.
pub(super) fn read(raw: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(raw) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(_) => Err("is no JSON object".into()),
        Err(error) => Err(format!("is no JSON (line {}, column {})", error.line(), error.column())),
    }
}

/// The platform that it says, `linux/amd64`.
pub(super) fn platform(config: &Map<String, Value>) -> String {
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or("?");
    format!("{}/{}", text("os"), text("architecture"))
}

/// The program that starts; none where the base has none.
pub(super) fn entrypoint(config: &Map<String, Value>) -> Option<Vec<&str>> {
    let words = config.get("config")?.get("Entrypoint")?.as_array()?;
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    (!words.is_empty()).then_some(words)
}

/// The digests of the base's layers.
pub(super) fn diff_ids(config: &Map<String, Value>) -> Option<Vec<Digest>> {
    let ids = config.get("rootfs")?.get("diff_ids")?.as_array()?;
    ids.iter().map(|id| id.as_str()?.parse().ok()).collect()
}

/// The image's configuration. The base's has `rootfs`.
pub(super) fn above(mut config: Map<String, Value>, layers: &[Added], settings: &Settings<'_>) -> Vec<u8> {
    let created = timestamp(settings.created);
    let base_layers = diff_ids(&config).unwrap_or_default().len();
    config.insert("created".into(), json!(created));
    let run = object(&mut config, "config");
    run.insert("Cmd".into(), json!([settings.handler]));
    if let Some(entrypoint) = settings.entrypoint {
        run.insert("Entrypoint".into(), json!(entrypoint));
    }
    if settings.is_in_task || run.get("WorkingDir").and_then(Value::as_str).is_none_or(str::is_empty) {
        run.insert("WorkingDir".into(), json!(TASK));
    }
    if !settings.labels.is_empty() {
        let labels = object(run, "Labels");
        labels.extend(settings.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
    }
    // What is about the build of the base and not about this image.
    for key in ["container", "container_config", "docker_version", "id", "parent"] {
        config.remove(key);
    }
    let rootfs = object(&mut config, "rootfs");
    if let Some(ids) = rootfs.get_mut("diff_ids").and_then(Value::as_array_mut) {
        ids.extend(layers.iter().map(|layer| json!(layer.diff_id.to_string())));
    }
    let is_layer = |entry: &&Value| entry.get("empty_layer").and_then(Value::as_bool) != Some(true);
    match config.get_mut("history").and_then(Value::as_array_mut) {
        Some(history) if history.iter().filter(is_layer).count() == base_layers => {
            let entry =
                |layer: &Added| json!({"created": created, "created_by": format!("pack image: {}", layer.what)});
            history.extend(layers.iter().map(entry));
        }
        // AWS's base images have had none, and one for some of the layers misleads every reader.
        _ => drop(config.remove("history")),
    }
    Value::Object(config).to_string().into_bytes()
}

/// The object under a key; anything else there gives way.
fn object<'m>(map: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made one"),
    }
}

/// RFC 3339, in UTC.
pub(crate) fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", Day::of_days(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"{
        "architecture": "amd64", "os": "linux", "author": "x", "unknown": {"kept": [1.5]}, "container": "gone",
        "config": {"Env": ["A=1"], "Entrypoint": ["/lambda-entrypoint.sh"], "OnBuild": null, "Labels": {"a": "1", "b": "1"}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]},
        "history": HISTORY
    }"#;

    fn above_base(history: &str) -> Value {
        let base = read(BASE.replace("HISTORY", history).as_bytes()).unwrap();
        let labels = BTreeMap::from([("b".to_owned(), "2".to_owned())]);
        let layers = [Added { diff_id: Digest::of(b"x"), what: "numpy 2.0".into() }];
        let settings =
            Settings { handler: "app.handler", entrypoint: None, is_in_task: false, labels: &labels, created: 0 };
        serde_json::from_slice(&above(base, &layers, &settings)).unwrap()
    }

    #[test]
    fn the_base_is_kept_and_the_function_added() {
        let image = above_base("null");
        assert_eq!(image["unknown"]["kept"][0], 1.5);
        assert_eq!(
            image["config"],
            json!({
                "Cmd": ["app.handler"], "Entrypoint": ["/lambda-entrypoint.sh"], "Env": ["A=1"], "OnBuild": null,
                "Labels": {"a": "1", "b": "2"}, "WorkingDir": "/var/task",
            })
        );
        assert_eq!(image["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
        assert_eq!(image["created"], "1970-01-01T00:00:00Z");
        assert!(image.get("container").is_none() && image.get("history").is_none());
    }

    #[test]
    fn history_goes_on_where_it_is_whole() {
        let whole = r#"[{"created_by": "a"}, {"created_by": "ENV", "empty_layer": true}]"#;
        let history = above_base(whole)["history"].clone();
        assert_eq!(history[2], json!({"created": "1970-01-01T00:00:00Z", "created_by": "pack image: numpy 2.0"}));
        for broken in ["[]", "{}", r#"[{"created_by": "a"}, {"created_by": "b"}]"#] {
            assert!(above_base(broken).get("history").is_none(), "{broken}");
        }
    }

    #[test]
    fn odd_configurations_are_read_or_refused() {
        assert!(read(b"[]").is_err() && read(b"{").is_err());
        let odd = read(br#"{"config": [], "rootfs": 1, "history": "x"}"#).unwrap();
        assert_eq!((entrypoint(&odd), diff_ids(&odd), platform(&odd).as_str()), (None, None, "?/?"));
        let settings =
            Settings { handler: "a.b", entrypoint: None, is_in_task: false, labels: &BTreeMap::new(), created: 0 };
        assert!(!above(odd, &[], &settings).is_empty());
    }

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_764_294_245, "2025-11-28T01:44:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
    }
}
