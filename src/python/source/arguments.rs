//! What a call is given: a text that stands in the source, or what only a run knows.
//!
//! What must stay true: where this cannot tell, it says that only a run knows. A name counts as its text if the module
//! binds it to one at its top level, and nothing in the module could bind it to anything else.

use std::collections::BTreeSet;

use super::{Lexer, Token};

/// Sources of others with more bytes are taken to compute whatever they can: each may become a token of forty bytes.
const LARGEST: usize = 4 << 20;

/// Tokens of one call that are looked at, so that calls in calls cost no more than their number.
const LONGEST_CALL: usize = 1024;

/// The first of these names that is called with anything but a text of the source as that argument, which is the first
/// or goes by its keyword; or that is handed on uncalled: from one of these modules, or as an attribute that nothing in
/// the source assigns; or that is asked for by `getattr`.
pub fn unknown_argument(source: &[u8], callees: &[String], keyword: &str, modules: &[String]) -> Option<String> {
    let tokens = tokens(super::bounded(source));
    let constants = constants(&tokens);
    let is_text = |value: &[(Token, usize)]| match value {
        [(Token::Literal(text), _)] => !text.contains(&b'\\'),
        [(Token::Name(name), _)] => constants.contains(name),
        _ => false,
    };
    let uses = Uses::of(&tokens, callees, modules);
    let place = (0..tokens.len()).find(|&place| match uses.at(place) {
        Use::None => false,
        Use::Call => given(&tokens, place, keyword).is_some_and(|value| !is_text(value)),
        Use::HandedOn => true,
    })?;
    match tokens[place].0 {
        Token::Name(name) | Token::Literal(name) => Some(super::text(name)),
        _ => None,
    }
}

/// The first of these names that is called with an argument which the source puts together: not a text, and not a name
/// or an attribute, which somebody else may have given a text.
pub fn computed_argument(source: &[u8], callees: &[String], keyword: &str) -> Option<String> {
    if source.len() > LARGEST {
        return callees.first().cloned();
    }
    let tokens = tokens(source);
    let computes = |(token, _): &(Token, usize)| match token {
        Token::Op(op) => matches!(op, b'(' | b'[' | b'%' | b'+'),
        Token::Literal(text) => text.contains(&b'\\'),
        Token::Piece(_) | Token::Other => true,
        _ => false,
    };
    let uses = Uses::of(&tokens, callees, &[]);
    let is_computed = |place: &usize| given(&tokens, *place, keyword).is_some_and(|value| value.iter().any(computes));
    let place = (0..tokens.len()).filter(|place| uses.at(*place) == Use::Call).find(is_computed)?;
    match tokens[place].0 {
        Token::Name(name) => Some(super::text(name)),
        _ => None,
    }
}

/// What happens to one of the names at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Something else is there, or it is defined, assigned or asked for an attribute of its own.
    None,
    Call,
    HandedOn,
}

struct Uses<'a, 'b> {
    tokens: &'b [(Token<'a>, usize)],
    callees: &'b [String],
    modules: &'b [String],
    /// For each token whether it belongs to an import.
    imports: Vec<bool>,
    /// Names that the source imports from one of the modules.
    imported: BTreeSet<&'a [u8]>,
    /// Attributes that the source assigns: data, whose name says nothing.
    assigned: BTreeSet<&'a [u8]>,
}

impl<'a, 'b> Uses<'a, 'b> {
    fn of(tokens: &'b [(Token<'a>, usize)], callees: &'b [String], modules: &'b [String]) -> Self {
        let mut uses = Self {
            tokens,
            callees,
            modules,
            imports: Vec::new(),
            imported: BTreeSet::new(),
            assigned: BTreeSet::new(),
        };
        let (mut starts, mut in_import, mut from) = (true, false, None);
        for (place, (token, depth)) in tokens.iter().enumerate() {
            match token {
                Token::Newline | Token::Op(b';' | b':') if *depth == 0 => {
                    (starts, in_import, from) = (true, false, None);
                }
                Token::Name(b"from" | b"import") if starts => {
                    (starts, in_import) = (false, true);
                    from = tokens.get(place + 1).filter(|_| *token == Token::Name(b"from"));
                }
                Token::Name(name) if in_import && from.is_some_and(|from| is_one_of(from.0, modules)) => {
                    uses.imported.insert(name);
                }
                Token::Name(name)
                    if uses.token(place, -1) == Some(Token::Op(b'.'))
                        && matches!(uses.token(place, 1), Some(Token::Op(b'=' | b':'))) =>
                {
                    uses.assigned.insert(name);
                    starts = false;
                }
                _ => starts = false,
            }
            uses.imports.push(in_import);
        }
        uses
    }

    fn token(&self, place: usize, distance: isize) -> Option<Token<'a>> {
        self.tokens.get(place.checked_add_signed(distance)?).map(|(token, _)| *token)
    }

    fn at(&self, place: usize) -> Use {
        let (before, after) = (self.token(place, -1), self.token(place, 1));
        let name = match self.tokens[place].0 {
            Token::Name(name) => name,
            Token::Literal(_) if is_one_of(self.tokens[place].0, self.callees) && self.is_asked_for(place) => {
                return Use::HandedOn;
            }
            _ => return Use::None,
        };
        if !is_one_of(self.tokens[place].0, self.callees) || matches!(before, Some(Token::Name(b"def" | b"class"))) {
            return Use::None;
        }
        match after {
            Some(Token::Op(b'(')) => return Use::Call,
            // Under another name, its calls are not seen.
            Some(Token::Name(b"as")) => return Use::HandedOn,
            Some(Token::Op(b'=' | b'.' | b':' | b'[') | Token::OpEqual(_)) => return Use::None,
            _ => {}
        }
        let handed_on = match before {
            Some(Token::Op(b'.')) => {
                let of_module = self.token(place, -2).is_some_and(|base| is_one_of(base, self.modules));
                of_module || !self.assigned.contains(name)
            }
            _ => self.imported.contains(name),
        };
        if handed_on && !self.imports[place] { Use::HandedOn } else { Use::None }
    }

    /// `getattr(x, "name")`, `methodcaller("name")`, `attrgetter("name")`.
    fn is_asked_for(&self, place: usize) -> bool {
        let depth = self.tokens[place].1;
        let open = (place.saturating_sub(LONGEST_CALL)..place)
            .rev()
            .find(|&before| self.tokens[before] == (Token::Op(b'('), depth));
        let caller = open.and_then(|open| self.token(open, -1));
        let names = [&b"getattr"[..], b"methodcaller", b"attrgetter"];
        let is_within = |open: usize| self.tokens[open..place].iter().all(|(_, inside)| *inside >= depth);
        open.is_some_and(is_within) && matches!(caller, Some(Token::Name(name)) if names.contains(&name))
    }
}

fn is_one_of(token: Token<'_>, names: &[String]) -> bool {
    match token {
        Token::Name(name) | Token::Literal(name) => names.iter().any(|known| known.as_bytes() == name),
        _ => false,
    }
}

/// The argument in question of the call at a place; none where it is not given.
fn given<'a, 'b>(tokens: &'b [(Token<'a>, usize)], place: usize, keyword: &str) -> Option<&'b [(Token<'a>, usize)]> {
    let (_, depth) = tokens.get(place + 1)?;
    let rest = &tokens[place + 2..];
    argument(&rest[..rest.len().min(LONGEST_CALL)], *depth, keyword.as_bytes())
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
            "from botocore.client import Config\nimport botocore.client\nfrom boto3 import client, resource\nclient('s3')",
            "class A:\n  def __init__(self, client):\n    self.client = client\n  def go(self):\n    return f(self.client)",
            "event['resource']\nx = {'client': client}\nrequest.client.host\nif event.resource == 'x': pass",
            "f(getattr(x, name), 'client')",
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
            "map(session.client, names)",
            "class A:\n  def go(self):\n    return partial(self.session.client)",
            "from boto3 import client\nmake = functools.partial(client)",
            "from boto3.session import (\n  Session,\n  client)\nmake = client\n",
            "getattr(boto3, 'client')(name)",
            "operator.methodcaller('client', name)(session)",
        ] {
            assert_eq!(unknown(source).as_deref(), Some("client"), "{source}");
        }
    }

    #[test]
    fn what_a_source_puts_together_is_computed() {
        let computed = |source: &str| {
            computed_argument(source.as_bytes(), &["client", "resource"].map(str::to_owned), "service_name")
        };
        for source in [
            "boto3.client('s3')",
            "def make(name, **options):\n    return session.client(name, **options)",
            "client(service_name=self._service, config=Config(retries=f(x)))",
            "client(*args, **kwargs)",
            "client('s3' if here else name or DEFAULT)",
            "map(session.client, f(x))",
        ] {
            assert_eq!(computed(source), None, "{source}");
        }
        for source in [
            "client(os.environ['X'])",
            "client(os.environ.get('X') or ''.join(parts))",
            "client(region, service_name=f'{x}')",
            "client('s%s' % 3)",
            "client('s' + x)",
            "client('\\x73')",
        ] {
            assert_eq!(computed(source).as_deref(), Some("client"), "{source}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "client", "boto3", ".", "(", ")", ",", "=", "*", "'a'", "f'{", "}'", "def ", "lambda ", ":", ":=", "\n",
            "service_name", "as ", "for ", "[", "]", "{", "}", "a", " ", "from ", "import ", "getattr", "'client'",
        ]), 0..40)) {
            let source = pieces.concat();
            unknown(&source);
            computed_argument(source.as_bytes(), &["client".to_owned()], "service_name");
        }
    }
}
