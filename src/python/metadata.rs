//! METADATA and WHEEL: headers as in an e-mail, up to the first empty line.
//! Source: <https://packaging.python.org/en/latest/specifications/core-metadata/>.

/// Fields in their order, names in lower case; a value that goes on in indented lines is joined with spaces.
pub fn headers(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        // A line of spaces goes on as well: pandas 2.2 has its whole licence in a field.
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

/// Every value of a field, by its name in lower case.
pub fn values<'a>(fields: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_end_at_the_description() {
        let fields = headers("Name: a\r\nRequires-Dist: b\n (>1)\nRequires-Dist: c\n\nName: not this\n");
        assert_eq!(values(&headers("License: a\n        \n        b\nRequires-Dist: c\n"), "requires-dist").count(), 1);
        assert_eq!(values(&fields, "name").collect::<Vec<_>>(), ["a"]);
        assert_eq!(values(&fields, "requires-dist").collect::<Vec<_>>(), ["b (>1)", "c"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            headers(&text);
        }
    }
}
