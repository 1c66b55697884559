//! What a call is given: a text that stands in the source, or what only a run knows.
//!
//! What must stay true: where this cannot tell, it says that only a run knows. A name counts as its text if the module
//! binds it to one at its top level, and nothing in the module could bind it to anything else.

use std::collections::BTreeSet;

use super::{Lexer, MAX_SOURCE, Token};

/// The first of these names that is called with anything but a text of the source as that argument, which is the first
/// or goes by its keyword; or that is handed on uncalled from one of these modules, or from a session of theirs.
pub fn unknown_argument(source: &[u8], callees: &[String], keyword: &str, modules: &[String]) -> Option<String> {
    let tokens = tokens(&source[..source.len().min(MAX_SOURCE)]);
    let is_one_of = |token: Option<&(Token, usize)>, names: &[String]| matches!(token, Some((Token::Name(name), _)) if names.iter().any(|known| known.as_bytes() == *name));
    let constants = constants(&tokens);
    let is_text = |value: &[(Token, usize)]| match value {
        [(Token::Literal(text), _)] => !text.contains(&b'\\'),
        [(Token::Name(name), _)] => constants.contains(name),
        _ => false,
    };
    let sessions = sessions(&tokens);
    let makes = |token: Option<&(Token, usize)>| match token {
        Some((Token::Name(name), _)) => sessions.contains(name) || is_session(name) || is_one_of(token, modules),
        Some((Token::Op(b')'), _)) => true,
        _ => false,
    };
    if let Some(name) = callees.iter().find(|name| by_getattr(&tokens, name.as_bytes(), makes)) {
        return Some(name.clone());
    }
    let callee = (0..tokens.len()).filter(|&place| is_one_of(tokens.get(place), callees)).find(|&place| {
        let before = |distance: usize| place.checked_sub(distance).and_then(|place| tokens.get(place));
        if matches!(before(1), Some((Token::Name(b"def" | b"class"), _))) {
            return false;
        }
        match tokens.get(place + 1) {
            Some((Token::Op(b'('), depth)) => {
                argument(&tokens[place + 2..], *depth, keyword.as_bytes()).is_some_and(|value| !is_text(value))
            }
            // Under another name, its calls are not seen.
            Some((Token::Name(b"as"), _)) => true,
            // `session.client.meta`, `session.client = …`
            Some((Token::Op(b'.' | b'=' | b'['), _)) => false,
            _ => matches!(before(1), Some((Token::Op(b'.'), _))) && makes(before(2)),
        }
    })?;
    match tokens[callee].0 {
        Token::Name(name) => Some(super::text(name)),
        _ => None,
    }
}

/// Whether a name says that it is a session.
fn is_session(name: &[u8]) -> bool {
    name.to_ascii_lowercase().windows(7).any(|part| part == b"session")
}

/// Names that are bound to something in a statement that says `Session`.
fn sessions<'a>(tokens: &[(Token<'a>, usize)]) -> BTreeSet<&'a [u8]> {
    let statements = tokens.split(|(token, _)| matches!(token, Token::Newline | Token::Op(b';')));
    statements
        .filter(|statement| statement.iter().any(|(token, _)| *token == Token::Name(b"Session")))
        .flat_map(|statement| {
            statement.windows(2).filter_map(|pair| match pair {
                [(Token::Name(name), _), (Token::Op(b'='), 0)] => Some(*name),
                _ => None,
            })
        })
        .collect()
}

/// Whether one of these names is taken by its text: `getattr(boto3, "client")`.
fn by_getattr(tokens: &[(Token, usize)], name: &[u8], makes: impl Fn(Option<&(Token, usize)>) -> bool) -> bool {
    (3..tokens.len()).any(|place| {
        tokens[place].0 == Token::Literal(name)
            && tokens[place - 1].0 == Token::Op(b',')
            && makes(tokens.get(place - 2))
            && tokens[..place].iter().rev().take(12).any(|(token, _)| *token == Token::Name(b"getattr"))
    })
}

/// All tokens, each with the number of brackets that are open after it.
fn tokens(source: &[u8]) -> Vec<(Token<'_>, usize)> {
    let mut lexer = Lexer::new(source);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token();
        tokens.push((token, lexer.depth));
        if token == Token::End {
            return tokens;
        }
    }
}

/// The value of a call's first argument or of the one with the keyword; none where it is not given. `rest` begins after
/// the call's bracket.
fn argument<'a, 'b>(rest: &'b [(Token<'a>, usize)], depth: usize, keyword: &[u8]) -> Option<&'b [(Token<'a>, usize)]> {
    let end = rest.iter().position(|(_, inside)| *inside < depth).unwrap_or(rest.len());
    let values: Vec<_> =
        rest[..end].split(|token| *token == (Token::Op(b','), depth)).filter(|value| !value.is_empty()).collect();
    let by_keyword = values.iter().find_map(|value| match value {
        [(Token::Name(name), _), (Token::Op(b'='), _), value @ ..] if *name == keyword => Some(value),
        _ => None,
    });
    let first = || values.first().filter(|value| !matches!(value, [(Token::Name(_), _), (Token::Op(b'='), _), ..]));
    let spread = || values.iter().find(|value| matches!(value, [(Token::Op(b'*'), _), ..]));
    by_keyword.or_else(|| first().or_else(spread).copied())
}

/// Names that a module binds to a text, and nothing else in it could bind otherwise.
fn constants<'a>(tokens: &[(Token<'a>, usize)]) -> BTreeSet<&'a [u8]> {
    let mut constants = BTreeSet::new();
    let mut others = BTreeSet::new();
    // Depths at which the parameters of a `def` or `lambda` end with a colon.
    let mut parameters: Vec<usize> = Vec::new();
    let mut previous = Token::Newline;
    for (place, (token, depth)) in tokens.iter().enumerate() {
        match token {
            Token::Name(b"def" | b"lambda") => parameters.push(*depth),
            Token::Op(b':') if parameters.last() == Some(depth) => drop(parameters.pop()),
            Token::Name(name) => {
                let ends = |place: usize| {
                    matches!(tokens.get(place), None | Some((Token::Newline | Token::End | Token::Op(b';'), _)))
                };
                let next = tokens.get(place + 1).map(|(token, _)| *token);
                match (next, tokens.get(place + 2)) {
                    _ if !parameters.is_empty() => drop(others.insert(*name)),
                    (Some(Token::Op(b'=')), Some((Token::Literal(_), 0)))
                        if *depth == 0 && previous == Token::Newline && ends(place + 3) =>
                    {
                        constants.insert(*name);
                    }
                    (Some(Token::Op(b'=' | b':')), _) if *depth == 0 => drop(others.insert(*name)),
                    (Some(Token::OpEqual(operator)), _) if !matches!(operator, b'=' | b'!' | b'<' | b'>') => {
                        others.insert(*name);
                    }
                    _ if matches!(previous, Token::Name(b"for" | b"as" | b"import" | b"del")) => {
                        others.insert(*name);
                    }
                    // `a, b = …`, `for a, b in …`, `from m import a, b`
                    _ if *depth == 0 && (next == Some(Token::Op(b',')) || previous == Token::Op(b',')) => {
                        others.insert(*name);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        previous = *token;
    }
    constants.retain(|name| !others.contains(name));
    constants
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unknown(source: &str) -> Option<String> {
        let callees = ["client", "resource"].map(str::to_owned);
        unknown_argument(source.as_bytes(), &callees, "service_name", &["boto3".to_owned()])
    }

    #[test]
    fn texts_are_known() {
        for source in [
            "boto3.client('s3')",
            "boto3.client(\n    's3', **options)",
            "boto3.client(region_name=region, service_name='s3')",
            "session.resource(f's3', config=Config(a=b))",
            "NAME = 's3'\ndef f():\n    return boto3.client(NAME, 'eu-west-1')",
            "client = boto3.client('s3')\nclient.get_object(Bucket=bucket)\nf(client)",
            "def client(name='x'):\n    pass\nfixture.client()\napi.client(timeout=3)",
            "# boto3.client(x)\n'''boto3.client(x)'''",
            "self.client = boto3.client('s3')\nreturn self.client",
            "f(event.resource, request.client)\nsession.client.meta",
        ] {
            assert_eq!(unknown(source), None, "{source}");
        }
    }

    #[test]
    fn what_only_a_run_knows_is_told() {
        for source in [
            "boto3.client(os.environ['BACKEND'])",
            "boto3.client(f'{name}')",
            "boto3.client('s3' if here else name)",
            "boto3.client('s' + x)",
            "boto3.client(**options)",
            "boto3.client(*options)",
            "boto3.client(service_name=name)",
            "boto3.client(region_name='s3', service_name=name)",
            "boto3.client(name)",
            "map(boto3.client, names)",
            "s = boto3.Session()\nmake = s.client\nmake(name)",
            "map(session.client, names)",
            "make = boto3.session.Session(a=b).client",
            "getattr(boto3, 'client')(name)",
            "getattr(boto3.Session(), \"client\")(name)",
            "from boto3 import client as make\nmake(name)",
            "boto3.client('\\x73\\x33')",
            "def f(NAME):\n    return boto3.client(NAME)\nNAME = 's3'\n",
            "NAME = 's3'\nNAME = name()\nboto3.client(NAME)",
            "NAME = 's3' + x\nboto3.client(NAME)",
            "NAME = 's3'\nfor NAME in names: boto3.client(NAME)",
            "NAME = 's3'\nNAME, x = names\nboto3.client(NAME)",
            "NAME = 's3'\nNAME += x\nboto3.client(NAME)",
            "NAME = 's3'\n(NAME := x)\nboto3.client(NAME)",
            "NAME = 's3'\n[boto3.client(NAME) for NAME in names]",
        ] {
            assert_eq!(unknown(source).as_deref(), Some("client"), "{source}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "client", "boto3", ".", "(", ")", ",", "=", "*", "'a'", "f'{", "}'", "def ", "lambda ", ":", ":=", "\n",
            "service_name", "as ", "for ", "[", "]", "{", "}", "a", " ",
        ]), 0..40)) {
            unknown(&pieces.concat());
        }
    }
}
