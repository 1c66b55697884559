//! Licences as METADATA names them.
//!
//! What must stay true: an identifier or expression is one of SPDX's; what does not surely mean one stays the words that it is,
//! without control characters and short. Sources: PEP 639, <https://spdx.org/licenses/>, <https://pypi.org/classifiers/>.

use serde::{Deserialize, Serialize};
use spdx::{Expression, ParseMode};

use super::metadata::values;

/// The most bytes of an expression or a field that is looked at as one.
const EXPRESSION_BYTES: usize = 512;

/// The most characters of a name: some have the licence's whole text in the field.
const NAME_CHARACTERS: usize = 100;

/// The most classifiers that are taken.
const CLASSIFIERS: usize = 16;

/// What SPDX took out of its list was in it, and still says what is meant.
const MODE: ParseMode = ParseMode { allow_deprecated: true, ..ParseMode::STRICT };

/// A licence of a distribution. An expression stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Licence {
    /// An expression of SPDX: `MIT OR Apache-2.0`.
    Expression(String),
    /// An identifier of SPDX.
    Id(String),
    /// Words.
    Name(String),
}

/// Licences by the fields of METADATA: the expression; else what the field `License` or the classifiers surely mean; else
/// their words.
pub fn of(fields: &[(String, String)]) -> Vec<Licence> {
    let value = |name| values(fields, name).map(str::trim).find(|value| is_stated(value));
    if let Some(text) = value("license-expression").filter(|text| is_expression(text)) {
        return vec![Licence::Expression(text.to_owned())];
    }
    let text = value("license");
    if let Some(id) = text.and_then(id_of_text) {
        return vec![Licence::Id(id.to_owned())];
    }
    if let Some(text) = text.filter(|text| is_expression(text)) {
        return vec![Licence::Expression(text.to_owned())];
    }
    let mut licences: Vec<Licence> = Vec::new();
    let classifiers = values(fields, "classifier").filter_map(|value| value.strip_prefix("License :: "));
    for classifier in classifiers.filter(|value| *value != "OSI Approved").take(CLASSIFIERS) {
        let last = classifier.rsplit(" :: ").next().unwrap_or(classifier);
        let id = id_of(last, CLASSIFIED).map(|id| Licence::Id(id.to_owned()));
        if let Some(licence) = id.or_else(|| named(last)).filter(|licence| !licences.contains(licence)) {
            licences.push(licence);
        }
    }
    if licences.is_empty() {
        licences.extend(value("license-expression").or(text).and_then(named));
    }
    licences
}

/// Whether a field says anything: some have a word for nothing, among them SPDX's two, which are no licences.
fn is_stated(text: &str) -> bool {
    !text.is_empty() && !["UNKNOWN", "NONE", "NOASSERTION"].iter().any(|nothing| text.eq_ignore_ascii_case(nothing))
}

/// Whether a text is an expression of SPDX.
fn is_expression(text: &str) -> bool {
    text.len() <= EXPRESSION_BYTES && !text.chars().any(char::is_control) && Expression::parse_mode(text, MODE).is_ok()
}

fn id_of_text(text: &str) -> Option<&'static str> {
    let start = |text: &'_ str| text.len() <= EXPRESSION_BYTES;
    let text = Some(text).filter(|text| start(text))?;
    spdx::license_id(text).map(|id| id.name).or_else(|| {
        let lower = text.to_ascii_lowercase();
        let plain = lower.strip_prefix("the ").unwrap_or(&lower).trim_end_matches('.');
        id_of(plain, WRITTEN)
    })
}

fn id_of(text: &str, table: &[(&'static str, &[&str])]) -> Option<&'static str> {
    table.iter().find(|(_, words)| words.contains(&text)).map(|(id, _)| *id)
}

/// A name of somebody else's as it can be shown.
fn named(text: &str) -> Option<Licence> {
    let words: Vec<&str> = text.split(|character: char| character.is_whitespace() || character.is_control()).collect();
    let text = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut name: String = text.chars().take(NAME_CHARACTERS).collect();
    if name.len() < text.len() {
        name.push('…');
    }
    (!name.is_empty()).then_some(Licence::Name(name))
}

/// What people write into `License`, in lower case and without "the". `BSD` and `Apache` alone are several licences.
const WRITTEN: &[(&str, &[&str])] = &[
    ("MIT", &["mit", "mit license", "mit licence", "mit license (mit)", "expat", "expat license"]),
    (
        "Apache-2.0",
        &[
            "apache 2",
            "apache 2.0",
            "apache-2",
            "apache-2.0",
            "apache2",
            "apache v2",
            "apache license 2.0",
            "apache license v2.0",
            "apache license version 2.0",
            "apache license, version 2.0",
            "apache license 2.0 (apache-2.0)",
            "apache software license 2.0",
            "apache software license v2.0",
            "apache software license version 2.0",
            "asl 2.0",
        ],
    ),
    (
        "BSD-3-Clause",
        &[
            "bsd-3-clause",
            "bsd 3-clause",
            "bsd 3 clause",
            "3-clause bsd",
            "bsd 3-clause license",
            "3-clause bsd license",
            "bsd-3-clause license",
            "new bsd",
            "new bsd license",
            "modified bsd",
            "modified bsd license",
        ],
    ),
    (
        "BSD-2-Clause",
        &[
            "bsd-2-clause",
            "bsd 2-clause",
            "2-clause bsd",
            "bsd 2-clause license",
            "2-clause bsd license",
            "bsd-2-clause license",
            "simplified bsd",
            "simplified bsd license",
        ],
    ),
    ("ISC", &["isc", "isc license", "isc license (iscl)"]),
    ("MPL-2.0", &["mpl 2.0", "mpl-2.0", "mpl2", "mozilla public license 2.0", "mozilla public license 2.0 (mpl 2.0)"]),
    ("Unlicense", &["unlicense", "unlicense (unlicense)"]),
    ("ZPL-2.1", &["zpl 2.1", "zpl-2.1", "zope public license 2.1"]),
    ("GPL-2.0-or-later", &["gplv2+"]),
    ("GPL-3.0-or-later", &["gplv3+"]),
    ("LGPL-3.0-or-later", &["lgplv3+"]),
];

/// Classifiers that mean one licence. Those of BSD, Apache and the PSF do not say which.
const CLASSIFIED: &[(&str, &[&str])] = &[
    ("0BSD", &["Zero-Clause BSD (0BSD)"]),
    ("AGPL-3.0-only", &["GNU Affero General Public License v3"]),
    ("AGPL-3.0-or-later", &["GNU Affero General Public License v3 or later (AGPLv3+)"]),
    ("BSL-1.0", &["Boost Software License 1.0 (BSL-1.0)"]),
    ("BlueOak-1.0.0", &["Blue Oak Model License (BlueOak-1.0.0)"]),
    ("CC0-1.0", &["CC0 1.0 Universal (CC0 1.0) Public Domain Dedication"]),
    ("EPL-1.0", &["Eclipse Public License 1.0 (EPL-1.0)"]),
    ("EPL-2.0", &["Eclipse Public License 2.0 (EPL-2.0)"]),
    ("EUPL-1.1", &["European Union Public Licence 1.1 (EUPL 1.1)"]),
    ("EUPL-1.2", &["European Union Public Licence 1.2 (EUPL 1.2)"]),
    ("GPL-2.0-only", &["GNU General Public License v2 (GPLv2)"]),
    ("GPL-2.0-or-later", &["GNU General Public License v2 or later (GPLv2+)"]),
    ("GPL-3.0-only", &["GNU General Public License v3 (GPLv3)"]),
    ("GPL-3.0-or-later", &["GNU General Public License v3 or later (GPLv3+)"]),
    ("HPND", &["Historical Permission Notice and Disclaimer (HPND)"]),
    ("ISC", &["ISC License (ISCL)"]),
    ("LGPL-3.0-only", &["GNU Lesser General Public License v3 (LGPLv3)"]),
    ("LGPL-3.0-or-later", &["GNU Lesser General Public License v3 or later (LGPLv3+)"]),
    ("MIT", &["MIT License"]),
    ("MIT-0", &["MIT No Attribution License (MIT-0)"]),
    ("MIT-CMU", &["CMU License (MIT-CMU)"]),
    ("MPL-1.1", &["Mozilla Public License 1.1 (MPL 1.1)"]),
    ("MPL-2.0", &["Mozilla Public License 2.0 (MPL 2.0)"]),
    ("MulanPSL-2.0", &["Mulan Permissive Software License v2 (MulanPSL-2.0)"]),
    ("NCSA", &["University of Illinois/NCSA Open Source License"]),
    ("OFL-1.1", &["SIL Open Font License 1.1 (OFL-1.1)"]),
    ("PostgreSQL", &["PostgreSQL License"]),
    ("UPL-1.0", &["Universal Permissive License (UPL)"]),
    ("Unlicense", &["The Unlicense (Unlicense)"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::metadata::headers;

    fn licences(metadata: &str) -> Vec<Licence> {
        of(&headers(metadata))
    }

    #[test]
    fn every_identifier_is_spdx() {
        for (id, _) in WRITTEN.iter().chain(CLASSIFIED) {
            assert!(spdx::license_id(id).is_some_and(|known| !known.is_deprecated()), "{id}");
        }
    }

    #[test]
    fn what_surely_means_a_licence_is_one() {
        let id = |id: &str| vec![Licence::Id(id.into())];
        let expression = |text: &str| vec![Licence::Expression(text.into())];
        for (metadata, expected) in [
            ("License-Expression: MIT\n", expression("MIT")),
            ("License: other\nLicense-Expression: Apache-2.0 WITH LLVM-exception OR MIT\n", {
                expression("Apache-2.0 WITH LLVM-exception OR MIT")
            }),
            ("License-Expression: LicenseRef-Own AND MIT\n", expression("LicenseRef-Own AND MIT")),
            ("License: BSD-3-Clause\nClassifier: License :: OSI Approved :: BSD License\n", id("BSD-3-Clause")),
            ("License: The MIT License\n", id("MIT")),
            ("License: Apache License, Version 2.0\n", id("Apache-2.0")),
            ("License: MIT OR Apache-2.0\n", expression("MIT OR Apache-2.0")),
            ("License: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License (ISCL)\n", id("ISC")),
            ("License: see LICENSE\nClassifier: License :: OSI Approved :: MIT License\n", id("MIT")),
            ("License: NOASSERTION\nClassifier: License :: OSI Approved :: MIT License\n", id("MIT")),
            ("License: noassertion\nLicense-Expression: NOASSERTION\n", vec![]),
            ("License: NONE\nLicense-Expression: None\n", vec![]),
            ("Classifier: License :: OSI Approved\n", vec![]),
            ("Name: a\n", vec![]),
        ] {
            assert_eq!(licences(metadata), expected, "{metadata}");
        }
        let both =
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: BSD License\n";
        assert_eq!(licences(both), [Licence::Id("MIT".into()), Licence::Name("BSD License".into())]);
    }

    #[test]
    fn the_rest_stays_words() {
        let name = |text: &str| vec![Licence::Name(text.into())];
        for (metadata, expected) in [
            ("License: BSD\n", name("BSD")),
            ("License: a\u{1b}[31m \t b\u{7}\n", name("a [31m b")),
            ("License-Expression: MIT and more\n", name("MIT and more")),
            ("License-Expression: MIT OR\n", name("MIT OR")),
            ("Classifier: License :: OSI Approved :: Apache Software License\n", name("Apache Software License")),
        ] {
            assert_eq!(licences(metadata), expected, "{metadata}");
        }
        let long = format!("License: {}\n", "é".repeat(1 << 20));
        let found = licences(&long);
        let [Licence::Name(name)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(name.chars().count(), NAME_CHARACTERS + 1);
        let deep = format!("License-Expression: {}MIT\n", "(".repeat(1 << 20));
        assert!(matches!(licences(&deep)[..], [Licence::Name(_)]));
    }
}
