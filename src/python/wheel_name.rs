//! Distribution names and wheel file names.
//! Sources: <https://packaging.python.org/en/latest/specifications/name-normalization/> and
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>.

use std::fmt;
use std::str::FromStr;

/// A distribution's name as indexes compare it: lower case, runs of `-`, `_` and `.` as one `-`.
pub fn normalise(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '-' | '_' | '.') {
            if !normalised.ends_with('-') {
                normalised.push('-');
            }
        } else {
            normalised.extend(character.to_lowercase());
        }
    }
    normalised
}

/// Whether a distribution can have this name.
/// Source: <https://packaging.python.org/en/latest/specifications/name-normalization/#name-format>.
pub fn is_distribution_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let (first, last) = (name.bytes().next(), name.bytes().last());
    let ends = first.into_iter().chain(last).all(|byte| byte.is_ascii_alphanumeric());
    !name.is_empty() && ends && name.bytes().all(inner)
}

/// `{distribution}-{version}(-{build})?-{python}-{abi}-{platform}.whl`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelFilename {
    text: String,
    /// The distribution, as the file name spells it.
    pub distribution: String,
    /// Its version, as the file name spells it.
    pub version: String,
    /// `cp313`, or several: `py2.py3`.
    pub python: String,
    /// `cp313`, `abi3`, `none`.
    pub abi: String,
    /// `any`, or platforms with dots between them.
    pub platform: String,
}

impl WheelFilename {
    /// Its build tag, by which files of one version are ordered: a number and what follows it.
    pub fn build_number(&self) -> (u64, &str) {
        let parts: Vec<&str> = self.text.split('-').collect();
        let build = if parts.len() == 6 { parts[2] } else { "" };
        let digits = build.find(|character: char| !character.is_ascii_digit()).unwrap_or(build.len());
        (build[..digits].parse().unwrap_or_default(), &build[digits..])
    }

    /// Whether pip would install it where these platform tags and this Python minor version hold. Only as exact as
    /// needed for what pip has just built for an interpreter of that version: the platform decides.
    pub fn fits_platform(&self, tags: &[String]) -> bool {
        self.platform.split('.').any(|platform| platform == "any" || tags.iter().any(|tag| tag == platform))
    }
}

impl FromStr for WheelFilename {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is not a wheel's file name (NAME-VERSION-PYTHON-ABI-PLATFORM.whl)");
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.+!".contains(character);
        let stem = text.strip_suffix(".whl").filter(|stem| stem.chars().all(plain)).ok_or_else(malformed)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version, tags) = match parts.as_slice() {
            [distribution, version, tags @ ..] if tags.len() == 3 => (distribution, version, tags),
            [distribution, version, build, tags @ ..]
                if tags.len() == 3 && build.starts_with(|character: char| character.is_ascii_digit()) =>
            {
                (distribution, version, tags)
            }
            _ => return Err(malformed()),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(malformed());
        }
        Ok(Self {
            text: text.to_owned(),
            distribution: (*distribution).to_owned(),
            version: (*version).to_owned(),
            python: tags[0].to_owned(),
            abi: tags[1].to_owned(),
            platform: tags[2].to_owned(),
        })
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_indexes_compare_them() {
        assert_eq!(normalise("Aws__Lambda.-Powertools"), "aws-lambda-powertools");
    }

    #[test]
    fn a_name_has_letters_at_its_ends() {
        for name in ["a", "A1", "ruamel.yaml", "a-_b", "3to2"] {
            assert!(is_distribution_name(name), "{name}");
        }
        for name in ["", "-", "-a", "a.", "a b", "a/b", "ä", "a\n"] {
            assert!(!is_distribution_name(name), "{name}");
        }
    }

    #[test]
    fn a_wheels_name_is_taken_apart() {
        let name: WheelFilename =
            "numpy-2.5.5-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl".parse().unwrap();
        assert_eq!((name.distribution.as_str(), name.version.as_str(), name.abi.as_str()), ("numpy", "2.5.5", "cp313"));
        assert!(name.fits_platform(&["manylinux_2_28_x86_64".into()]));
        assert!(!name.fits_platform(&["manylinux_2_26_x86_64".into()]));
        let built: WheelFilename = "a-1.0-1build-py3-none-any.whl".parse().unwrap();
        assert_eq!(built.platform, "any");
    }

    #[test]
    fn other_names_are_refused() {
        for bad in [
            "a-1.0-py3-none.whl",
            "a-1.0.tar.gz",
            "../a-1.0-py3-none-any.whl",
            "a--py3-none-any.whl",
            "a-1-b-py3-none-any.whl",
        ] {
            assert!(bad.parse::<WheelFilename>().is_err(), "{bad}");
        }
    }
}
