//! `WWW-Authenticate`: how a registry says what it wants to see.
//!
//! Challenges are separated by commas as their parameters are, so a word is a scheme if no `=` follows it. What cannot be
//! read is skipped: another challenge may be one that can be answered. Sources: RFC 9110, 11.6.1; for the parameters
//! of Bearer, <https://distribution.github.io/distribution/spec/auth/token/>.

/// More than this is read by nobody.
const HEADER_BYTES: usize = 8 << 10;

/// One way to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A user and a password with every request.
    Basic,
    /// A token from somebody else.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What it has to allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenges of a header that can be answered, in its order.
    pub fn parse(header: &str) -> Vec<Self> {
        if header.len() > HEADER_BYTES {
            return Vec::new();
        }
        let mut parser = Parser { rest: header };
        let mut challenges = Vec::new();
        let mut current: Option<Raw> = None;
        loop {
            parser.skip(|byte| byte == b',' || is_space(byte));
            if parser.rest.is_empty() {
                break;
            }
            let word = parser.word();
            if word.is_empty() {
                parser.skip_to_comma();
                continue;
            }
            let spaces = parser.skip(is_space);
            if parser.rest.starts_with('=') {
                match (parser.value(), &mut current) {
                    (Some(value), Some(raw)) => raw.parameters.push((word.to_ascii_lowercase(), value)),
                    _ => parser.skip_to_comma(),
                }
                continue;
            }
            challenges.extend(current.take().and_then(Raw::finish));
            if spaces || parser.rest.is_empty() || parser.rest.starts_with(',') {
                current = Some(Raw { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            } else {
                parser.skip_to_comma();
            }
        }
        challenges.extend(current.and_then(Raw::finish));
        challenges
    }
}

struct Raw {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Raw {
    fn finish(self) -> Option<Challenge> {
        let get = |name: &str| {
            self.parameters.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
        };
        match self.scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") }),
            _ => None,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl<'a> Parser<'a> {
    fn take(&mut self, is_part: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !is_part(byte)).unwrap_or(self.rest.len());
        // Only bytes of ASCII are parts, so that the end is the end of a character.
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn skip(&mut self, is_part: impl Fn(u8) -> bool) -> bool {
        !self.take(is_part).is_empty()
    }

    fn word(&mut self) -> &'a str {
        self.take(is_token)
    }

    fn skip_to_comma(&mut self) {
        let end = self.rest.find(',').unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    /// What follows the `=`, which is next.
    fn value(&mut self) -> Option<String> {
        self.rest = &self.rest[1..];
        self.skip(is_space);
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let word = self.word();
            return (!word.is_empty()).then(|| word.to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                other => value.push(other),
            }
        }
        self.rest = "";
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned), scope: scope.map(str::to_owned) }
    }

    #[test]
    fn challenges_as_registries_write_them() {
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                )],
            ),
            (r#"Basic realm="https://host/",service="ecr.amazonaws.com""#, vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (r#"BEARER Realm = "r" , error=invalid_token"#, vec![bearer("r", None, None)]),
            (
                r#"Negotiate, NTLM TlRM, Basic realm="a, Bearer realm=\"x\"", Bearer realm=r"#,
                vec![Challenge::Basic, bearer("r", None, None)],
            ),
            (r#"Newauth abc==, Basic realm="x""#, vec![Challenge::Basic]),
            (r#"Bearer realm="q\"q""#, vec![bearer("q\"q", None, None)]),
            (r#"Bearer service="s""#, vec![]),
            (r#"Bearer realm="open"#, vec![]),
            (",,= , \u{e4}=1, =, Basic", vec![Challenge::Basic]),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
        assert_eq!(Challenge::parse(&"Basic,".repeat(9999)), []);
    }

    proptest! {
        #[test]
        fn any_header_is_read(header in "[a-zA-Z =,\"\\\\]{0,60}|.{0,60}") {
            let _ = Challenge::parse(&header);
        }

        #[test]
        fn what_is_written_is_read(realm in "[^\\p{C}]{1,30}", scope in "[a-z:/,]{1,30}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Basic realm=x, Bearer realm=\"{quoted}\", scope=\"{scope}\"");
            prop_assert_eq!(Challenge::parse(&header), [Challenge::Basic, bearer(&realm, None, Some(&scope))]);
        }
    }
}
