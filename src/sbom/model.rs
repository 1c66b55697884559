//! The part of CycloneDX 1.6 that is written. Source: <https://cyclonedx.org/docs/1.6/json/>.

use std::fmt::Display;

use serde::Serialize;

/// A bill of materials.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bom {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    #[serde(rename = "bomFormat")]
    pub(super) format: &'static str,
    pub(super) spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) serial_number: Option<String>,
    pub(super) version: u32,
    pub(super) metadata: Metadata,
    pub(super) components: Vec<Component>,
    pub(super) dependencies: Vec<Dependency>,
}

/// What the bill itself is.
#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<String>,
    pub(super) tools: Tools,
    pub(super) component: Component,
}

/// What made the bill.
#[derive(Debug, Serialize)]
pub(super) struct Tools {
    pub(super) components: Vec<Component>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Type {
    Application,
    Container,
    Library,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    #[serde(rename = "type")]
    pub(super) kind: Type,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<LicenseChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_references: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property>,
}

impl Component {
    pub(super) fn new(kind: Type, name: impl Into<String>) -> Self {
        Self {
            kind,
            reference: None,
            name: name.into(),
            version: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            purl: None,
            external_references: Vec::new(),
            properties: Vec::new(),
        }
    }

    pub(super) fn property(&mut self, name: &str, value: &dyn Display) {
        self.properties.push(Property { name: format!("pack:{name}"), value: value.to_string() });
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Hash {
    pub(super) alg: &'static str,
    pub(super) content: String,
}

impl Hash {
    pub(super) fn sha256(hexadecimal: &str) -> Self {
        Self { alg: "SHA-256", content: hexadecimal.to_owned() }
    }
}

/// An expression stands alone.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum LicenseChoice {
    Expression { expression: String, acknowledgement: &'static str },
    License { license: License },
}

#[derive(Debug, Serialize)]
pub(super) struct License {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) acknowledgement: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ExternalReference {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash>,
}

#[derive(Debug, Serialize)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) depends_on: Vec<String>,
}
