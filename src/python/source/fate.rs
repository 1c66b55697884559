//! What becomes of one name of a module by the time that it is imported.
//!
//! What must stay true: [`Fate::Absent`], [`Fate::Deleted`] and [`Fate::Constant`] are said only where the source leaves no
//! other way.

use super::texts::Text;
use super::{Lexer, MAX_SOURCE, Token};

/// Tokens of one line that are kept at once.
const MOST_TOKENS: usize = 1 << 16;

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It occurs nowhere, not even in a string.
    Absent,
    /// The last that is said of it is a `del` of the module's own.
    Deleted,
    /// All that is said of it is that it is a number or a text.
    Constant,
    /// Anything else.
    Open,
}

/// What becomes of a name, as far as statements show. A `*` import and [`Scan::binds_unseen`](super::Scan) may bind it
/// unseen.
pub fn fate(source: &[u8], name: &str) -> Fate {
    let mut fate = Fate::Absent;
    for_each_line(source, |tokens, column| {
        let wanted = Token::Name(name.as_bytes());
        if !mentions(tokens, name) {
            return;
        }
        let is_del = column == 0 && tokens.first() == Some(&Token::Name(b"del"));
        fate = match tokens {
            [token, Token::Op(b'='), Token::Literal(_) | Token::Other]
                if *token == wanted && column == 0 && fate == Fate::Absent =>
            {
                Fate::Constant
            }
            [_, names @ ..]
                if is_del && names.split(|token| *token == Token::Op(b',')).any(|name| name == [wanted]) =>
            {
                Fate::Deleted
            }
            _ => Fate::Open,
        };
    });
    fate
}

/// The parameters of the last function of that name at module level, in no block; none if there is none.
pub fn parameters(source: &[u8], name: &str) -> Option<Vec<String>> {
    let mut found = None;
    for_each_line(source, |tokens, column| {
        if let Some(function) = Function::of(tokens, column).filter(|function| function.name == name.as_bytes()) {
            found = Some(function.parameters.iter().map(|name| super::text(name)).collect());
        }
    });
    found
}

/// With how many arguments a function can be called, no more and no less; none where a decorator, a default, a star or a
/// second mention of its name leaves that open.
pub fn arity(source: &[u8], name: &str) -> Option<usize> {
    let (mut found, mut lines, mut is_decorated) = (None, 0, false);
    for_each_line(source, |tokens, column| {
        lines += usize::from(mentions(tokens, name));
        if let Some(function) = Function::of(tokens, column).filter(|function| function.name == name.as_bytes()) {
            found = (function.is_fixed && !is_decorated).then_some(function.parameters.len());
        }
        is_decorated = tokens.first() == Some(&Token::Op(b'@'));
    });
    found.filter(|_| lines == 1)
}

/// Whether a line says the name, be it within a string.
fn mentions(tokens: &[Token], name: &str) -> bool {
    tokens.iter().any(|token| match token {
        Token::Literal(text) | Token::Piece(Text { text, .. }) => memchr::memmem::find(text, name.as_bytes()).is_some(),
        token => *token == Token::Name(name.as_bytes()),
    })
}

/// The module's functions of two parameters, in the order of the source.
pub fn functions_of_two(source: &[u8], most: usize) -> Vec<String> {
    let mut found = Vec::new();
    for_each_line(source, |tokens, column| {
        if let Some(function) = Function::of(tokens, column)
            && function.parameters.len() == 2
            && found.len() < most
        {
            found.push(super::text(function.name));
        }
    });
    found
}

/// A function at module level, in no block.
struct Function<'a> {
    name: &'a [u8],
    parameters: Vec<&'a [u8]>,
    /// Whether there is neither a default nor a star.
    is_fixed: bool,
}

impl<'a> Function<'a> {
    fn of(tokens: &[Token<'a>], column: usize) -> Option<Self> {
        let definition = match tokens {
            _ if column > 0 => return None,
            [Token::Name(b"async"), rest @ ..] | rest => rest,
        };
        let [Token::Name(b"def"), Token::Name(name), Token::Op(b'('), rest @ ..] = definition else { return None };
        let mut function = Self { name, parameters: Vec::new(), is_fixed: true };
        let mut depth = 0_usize;
        let mut previous = Token::Op(b',');
        for token in rest {
            match token {
                Token::Op(b'(' | b'[' | b'{') => depth += 1,
                Token::Op(b')') if depth == 0 => break,
                Token::Op(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                Token::Op(b'*' | b'=' | b'/') if depth == 0 => function.is_fixed = false,
                Token::Name(name) if depth == 0 && matches!(previous, Token::Op(b',' | b'*')) => {
                    function.parameters.push(name);
                }
                _ => {}
            }
            previous = *token;
        }
        Some(function)
    }
}

/// Hands over the tokens of every logical line that has any, with its column; what is too long for a person to have
/// written comes in pieces, whose column is none of a module's own statements.
fn for_each_line<'a>(source: &'a [u8], mut take: impl FnMut(&[Token<'a>], usize)) {
    let mut lexer = Lexer::new(&source[..source.len().min(MAX_SOURCE)]);
    let mut tokens = Vec::new();
    let mut column = 0;
    loop {
        let token = lexer.next_token();
        if matches!(token, Token::Newline | Token::End) {
            if !tokens.is_empty() {
                take(&tokens, column);
                tokens.clear();
            }
            if token == Token::End {
                return;
            }
            continue;
        }
        if tokens.len() == MOST_TOKENS {
            take(&tokens, column);
            tokens.clear();
            column = usize::MAX;
        } else if tokens.is_empty() {
            column = lexer.column;
        }
        tokens.push(token);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(source: &str) -> Fate {
        fate(source.as_bytes(), "handler")
    }

    #[test]
    fn names_that_nobody_can_call() {
        for source in ["", "x = 1\n", "handlers = 1\n# handler\n"] {
            assert_eq!(of(source), Fate::Absent, "{source}");
        }
        for source in ["handler = 3\n", "x = 1\nhandler = 'x'", "handler = \\\n 1.5\n"] {
            assert_eq!(of(source), Fate::Constant, "{source}");
        }
        for source in ["def handler(e, c): pass\ndel handler\n", "handler = f\ndel (x), handler"] {
            assert_eq!(of(source), Fate::Deleted, "{source}");
        }
    }

    #[test]
    fn all_else_is_open() {
        for source in [
            "def handler(e, c): pass\n",
            "handler = 3\nhandler = f\n",
            "handler = f\nhandler = 3\n",
            "handler = 3\ndef f():\n  global handler\n",
            "handler = 3\nsetattr(m, 'handler', f)\n",
            "handler = 3 + x\n",
            "handler = None\n",
            "if x:\n  handler = 3\n",
            "x = 'handler'\n",
            "handler = f\nif x:\n  del handler\n",
            "handler = f\ndef g():\n  del handler\n",
            "handler = f\ndel handler[0], handler.x\n",
            "del handler\nhandler = f\n",
        ] {
            assert_eq!(of(source), Fate::Open, "{source}");
        }
    }

    #[test]
    fn parameters_of_functions() {
        let of = |source: &str| parameters(source.as_bytes(), "handler");
        let two = |first: &str, second: &str| Some(vec![first.to_owned(), second.to_owned()]);
        assert_eq!(of("def handler(event, context): pass"), two("event", "context"));
        assert_eq!(
            of("@d\nasync def handler(\n    event: dict[str, x] = f(y, z), *context: C,\n) -> int:\n"),
            two("event", "context")
        );
        assert_eq!(of("def handler(a, b): pass\ndef handler(c, d): pass\n"), two("c", "d"));
        assert_eq!(of("class A:\n  def handler(self, x): pass\nhandler = f\ndef handlers(a, b): pass\n"), None);
        assert_eq!(of("def handler(): pass"), Some(vec![]));
    }

    #[test]
    fn how_many_arguments_a_function_takes() {
        let of = |source: &str| arity(source.as_bytes(), "handler");
        assert_eq!(of("def handler(event): pass\n"), Some(1));
        assert_eq!(of("async def handler(event: dict[str, int], context: x.Y) -> None:\n  return event\n"), Some(2));
        for open in [
            "def handler(*a): pass",
            "def handler(event, context=None): pass",
            "@wraps\ndef handler(event): pass",
            "def handler(event): pass\nhandler = wrap(handler)",
            "def handler(event): pass\nsetattr(module, 'handler', x)",
            "if x:\n  def handler(event): pass",
        ] {
            assert_eq!(of(open), None, "{open}");
        }
        let source = b"def a(x, y): pass\nclass B:\n  def c(self, z): pass\ndef d(x, y): pass\ndef e(x): pass\n";
        assert_eq!(functions_of_two(source, 9), ["a", "d"]);
        assert_eq!(functions_of_two(source, 1), ["a"]);
    }

    proptest! {
        #[test]
        fn never_panics(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "handler", "def ", "async ", "del ", "(", ")", ",", "=", "*", "'a'", "f'{", "}'", ":", "\n", "  ", "1", "[", "]",
        ]), 0..40)) {
            let source = pieces.concat();
            fate(source.as_bytes(), "handler");
            parameters(source.as_bytes(), "handler");
            arity(source.as_bytes(), "handler");
            functions_of_two(source.as_bytes(), 2);
        }
    }
}
