//! The JSON Schema of `pack.toml` (draft 7, which editors' TOML plugins read), made of the same keys as the parser.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, ROOT};
use crate::lambda::PythonVersion;

/// The schema.
pub fn schema() -> Value {
    let mut schema = table(ROOT);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("pack.toml");
    schema["description"] = json!("The project file of pack, which packages Python functions for AWS Lambda");
    schema
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut value = of(&key.kind);
            value["description"] = json!(key.says);
            (key.name.to_owned(), value)
        })
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn of(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path | Kind::Glob | Kind::Region => json!({ "type": "string", "minLength": 1 }),
        Kind::Handler => json!({ "type": "string", "pattern": r"^.+\..+$" }),
        Kind::LayerArn => {
            json!({ "type": "string", "pattern": "^arn:[^:]+:lambda:[^:]+:[0-9]{12}:layer:[^:]+(:[0-9]+)?$" })
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number(bounds) => json!({ "type": "integer", "minimum": bounds.least, "maximum": bounds.most }),
        Kind::NumberOf(numbers) => json!({ "enum": numbers }),
        Kind::Name(rule) => json!({ "type": "string", "pattern": rule.pattern }),
        Kind::Versions => {
            let pythons: Vec<String> = PythonVersion::all().map(|python| python.minor().to_string()).collect();
            let key = format!(r"^3\.({})(-(x86_64|arm64))?$", pythons.join("|"));
            let number = json!({ "type": "integer", "minimum": 1 });
            json!({
                "anyOf": [
                    number,
                    { "type": "object", "patternProperties": { key: number }, "additionalProperties": false, "minProperties": 1 },
                ]
            })
        }
        Kind::Bytes => amount(UNITS),
        Kind::Amount => amount(&format!("%|{UNITS}")),
        Kind::Distributions => json!({
            "type": "object",
            "additionalProperties": of(&Kind::Amount),
            "propertyNames": { "pattern": "^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$" },
        }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Python => json!({ "enum": PythonVersion::all().map(|python| python.to_string()).collect::<Vec<_>>() }),
        Kind::Architecture => json!({ "enum": ["x86_64", "arm64"] }),
        Kind::List(kind) => json!({ "type": "array", "items": of(kind), "uniqueItems": true }),
        Kind::OneOrMore(kind) => json!({ "anyOf": [of(kind), { "type": "array", "items": of(kind) }] }),
        Kind::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Variables => json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
            "propertyNames": { "pattern": "^[a-zA-Z][a-zA-Z0-9_]+$" },
        }),
        Kind::Table(keys) => table(keys),
        Kind::Named(keys) => json!({ "type": "object", "additionalProperties": table(keys) }),
        Kind::Rows(keys) => json!({ "type": "array", "items": table(keys) }),
    }
}

/// Units of bytes.
const UNITS: &str = "[kKmMgG]?[bB]|[kKmMgG][iI][bB]";

fn amount(units: &str) -> Value {
    json!({
        "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": format!(r"^[0-9]+(\.[0-9]{{1,9}})? ?({units})$") },
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key of the parser with where it is, and that there is no other.
    fn compare(keys: &[Key], schema: &Value, at: &str) {
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(schema["additionalProperties"], false, "{at}");
        assert_eq!(properties.len(), keys.len(), "{at}");
        for key in keys {
            let property = &properties[key.name];
            let at = format!("{at}.{}", key.name);
            assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
            match key.kind {
                Kind::Table(keys) => compare(keys, property, &at),
                Kind::Named(keys) => compare(keys, &property["additionalProperties"], &at),
                Kind::Rows(keys) => compare(keys, &property["items"], &at),
                _ => {}
            }
        }
    }

    #[test]
    fn the_schema_has_every_key_that_the_parser_knows() {
        compare(ROOT, &schema(), "");
    }
}
