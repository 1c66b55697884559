//! What a Python source says without running it: its imports, its top-level names, and the literals that could name a
//! module or a path. No input is an error: what cannot be read as Python of any version is passed over.
//!
//! Lexical rules: "Lexical analysis" of the Python language reference, from 2.7 (`ur""`, backquotes) to 3.15
//! (t-strings, `lazy import`). Code inside the braces of an f-string is code here too, as it is for the interpreter
//! since 3.12 (PEP 701), so that a quote inside the braces does not end the string.

mod arguments;
mod fate;
mod guard;
mod texts;

use std::collections::BTreeSet;

pub use arguments::{computed_argument, unknown_argument};
pub use fate::{Fate, arity, fate, functions_of_two, parameters};
use guard::Guard;
use serde::{Deserialize, Serialize};
use texts::{Collector, Text};
pub use texts::{Partial, Texts, Words};

/// Larger sources are read up to here; it bounds what a hostile one can make this allocate.
const MAX_SOURCE: usize = 32 << 20;
/// A module name longer than a file name can be is none.
const MAX_MODULE: usize = 255;
/// Each name of a `from` import gets a copy of the module's, so their number is bounded apart.
const MAX_IMPORTS: usize = 100_000;
const MAX_LITERAL: usize = 200;
/// Python's own limit is 150 f-strings, each with an open field.
const MAX_FSTRING_DEPTH: usize = 300;

/// One imported module or name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct Import {
    /// Number of leading dots: 0 for an absolute import.
    pub level: usize,
    /// The dotted module, empty for `from . import x`.
    pub module: String,
    /// `Some` for `from module import name`, with `*` for all; `None` for `import module`.
    pub name: Option<String>,
    /// Whether it runs whenever the module does, and the module fails if it fails: at module level, in no `if`, `with` or
    /// other block but a `try` that hands every failure on, and after no `raise`.
    pub always: bool,
}

/// What [`scan`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Scan {
    /// Every import statement at any depth, in the order of the source.
    pub imports: Vec<Import>,
    /// The literals of 1 to 200 characters out of `A-Za-z0-9_.-/+*`, sorted, each once.
    pub strings: Vec<String>,
    /// The names that module-level code may bind: `def`, `class`, assignments, imports, loop and `with` targets, also
    /// inside the blocks of `if`, `try` and the like. What a `*` import binds is not among them.
    pub names: BTreeSet<String>,
    /// Those of the names that nothing but `from . import name` binds: in a package, its submodules.
    pub from_here: BTreeSet<String>,
    /// Whether it speaks of what decides where modules are found and what they are: `sys.path`, `sys.modules`,
    /// `__path__`, `__package__`, …
    pub moves_imports: bool,
    /// Whether it may bind names that none of its statements shows: `globals()`, `exec`, `sys.modules`, …
    pub binds_unseen: bool,
}

impl Scan {
    /// Whether module-level code may bind the name.
    pub fn defines(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// Reads a source of any syntax version, valid or not.
pub fn scan(source: &[u8]) -> Scan {
    Scanner::new(bounded(source), None).run().0
}

/// The same with what its texts give away, and which of the words it says.
pub fn scan_texts(source: &[u8], words: &Words) -> (Scan, Texts) {
    let source = bounded(source);
    let (scan, collector) = Scanner::new(source, Some(Collector::new(source, words))).run();
    (scan, collector.map(Collector::finish).unwrap_or_default())
}

/// The same of texts alone: the names and constants of bytecode. Gives those that could name something, and the rest.
pub fn of_texts<'a>(texts: impl Iterator<Item = &'a [u8]>, words: &'a Words) -> (Vec<String>, Texts) {
    let mut collector = Collector::of_all(words);
    let mut strings = BTreeSet::new();
    for text in texts {
        strings.extend(literals(text));
        collector.text(Text { text, before: false, after: false });
        collector.settle(false);
    }
    (strings.into_iter().map(text).collect(), collector.finish())
}

/// What of a text could name something. A format is not a name, but its parts may be: `docs/%s.txt`, `docs/{name}.txt`.
fn literals(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'%' | b'{' | b'}')).filter(|part| is_literal(part))
}

/// Whether no Python takes it for a source: every version refuses NUL bytes, which is what UTF-16 has.
pub fn has_nul(source: &[u8]) -> bool {
    memchr::memchr(0, source).is_some()
}

fn bounded(source: &[u8]) -> &[u8] {
    &source[..source.len().min(MAX_SOURCE)]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Attributes of `sys` that decide where modules are found and what they are.
fn is_path_of_sys(name: &[u8]) -> bool {
    matches!(name, b"path" | b"modules" | b"meta_path" | b"path_hooks")
}

fn is_literal(bytes: &[u8]) -> bool {
    (1..=MAX_LITERAL).contains(&bytes.len())
        && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'*'..=b'+' | b'-'..=b'9' | b'_'))
}

/// How the current statement may bind names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// Maybe an assignment: names before a `=` are targets.
    Plain,
    /// `for` before its `in`.
    For,
    /// The header of a block: another statement may follow its colon.
    Header,
    /// No further targets.
    Done,
}

#[expect(clippy::struct_excessive_bools, reason = "each says what the next token may be, and they vary on their own")]
struct Scanner<'a> {
    lexer: Lexer<'a>,
    scan: Scan,
    literals: Vec<&'a [u8]>,
    /// Looks into the texts, where somebody wants to know.
    collector: Option<Collector<'a>>,
    /// The column of the `def` or `class` around the current line, if any: only lines further left are module level.
    nested: Option<usize>,
    statement: Statement,
    /// A block began on the current line: `if x: import a`.
    in_block: bool,
    /// No token of the statement was read yet.
    first: bool,
    first_of_line: bool,
    /// `from` may start an import here, also where it is not the first token (`lazy from`, or after a block's colon).
    from_allowed: bool,
    /// Names that a `=` would bind.
    targets: Vec<&'a [u8]>,
    /// A name here would be a target: after nothing, a comma, an opening bracket, `*` or `=`.
    target_position: bool,
    /// The depth outside a call or subscript, whose inside has no targets.
    trailer: Option<usize>,
    /// The depth outside of `with … as (`, whose inside has only targets.
    with_targets: Option<usize>,
    /// The names behind a `case`, which are bound if it turns out to be a pattern.
    captures: Vec<&'a [u8]>,
    guard: Guard,
    /// A `raise` of the module itself went by: nothing runs after it.
    ended: bool,
    previous: Token<'a>,
    before_previous: Token<'a>,
    /// The text just read is a statement of its own, or goes on with one: a docstring.
    documentation: bool,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a [u8], collector: Option<Collector<'a>>) -> Self {
        Self {
            lexer: Lexer::new(source),
            scan: Scan::default(),
            literals: Vec::new(),
            collector,
            nested: None,
            statement: Statement::Plain,
            in_block: false,
            first: true,
            first_of_line: true,
            from_allowed: true,
            targets: Vec::new(),
            target_position: true,
            trailer: None,
            with_targets: None,
            captures: Vec::new(),
            guard: Guard::default(),
            ended: false,
            previous: Token::Newline,
            before_previous: Token::Newline,
            documentation: false,
        }
    }

    fn run(mut self) -> (Scan, Option<Collector<'a>>) {
        let mut token = self.next_token();
        while token != Token::End {
            token = self.step(token);
        }
        self.close_guard();
        if let Some(collector) = &mut self.collector {
            collector.settle(false);
        }
        self.literals.sort_unstable();
        self.literals.dedup();
        self.scan.strings = self.literals.into_iter().map(text).collect();
        (self.scan, self.collector)
    }

    fn next_token(&mut self) -> Token<'a> {
        let token = self.lexer.next_token();
        if let (Token::Name(name), Some(collector)) = (token, &mut self.collector) {
            collector.name(name);
        }
        token
    }

    fn begin(&mut self) {
        self.statement = Statement::Plain;
        self.first = true;
        self.from_allowed = true;
        self.targets.clear();
        self.target_position = true;
        self.trailer = None;
        self.with_targets = None;
        self.captures.clear();
    }

    /// Imports in a `try` that hands every failure on always run.
    fn close_guard(&mut self) {
        for index in self.guard.close() {
            self.scan.imports[index].always = true;
        }
    }

    fn bind(&mut self, name: &[u8]) {
        if self.nested.is_none() && !self.scan.from_here.is_empty() {
            self.scan.from_here.remove(&text(name));
        }
        if self.nested.is_none() && !self.scan.names.contains(std::str::from_utf8(name).unwrap_or_default()) {
            self.scan.names.insert(text(name));
        }
    }

    fn bind_targets(&mut self) {
        for name in std::mem::take(&mut self.targets) {
            self.bind(name);
        }
    }

    /// Takes one token, or a whole import, and gives the token after it.
    fn step(&mut self, token: Token<'a>) -> Token<'a> {
        if let Some(collector) = &mut self.collector {
            collector.settle(token == Token::Op(b'+'));
        }
        if self.first_of_line && token != Token::Newline {
            self.first_of_line = false;
            if self.nested.is_some_and(|column| self.lexer.column <= column) {
                self.nested = None;
            }
            if self.lexer.column == 0 && !matches!(token, Token::Name(b"except" | b"else" | b"finally")) {
                self.close_guard();
            }
            self.guard.line(token, self.lexer.column);
        }
        if let Token::Name(name) = token {
            self.notice(name);
        }
        let next = match token {
            Token::Newline => {
                self.begin();
                self.first_of_line = true;
                self.in_block = false;
                None
            }
            Token::Name(name) => self.name(name),
            Token::Literal(literal) => {
                self.text(Text { text: literal, before: false, after: false });
                None
            }
            Token::Piece(text) => {
                self.text(text);
                None
            }
            Token::Op(op) => {
                self.operator(op);
                None
            }
            // `:=`
            Token::OpEqual(b':') => {
                if let Token::Name(name) = self.previous {
                    self.bind(name);
                }
                None
            }
            Token::OpEqual(_) | Token::Other | Token::End => {
                self.passed();
                None
            }
        };
        self.before_previous = self.previous;
        self.previous = token;
        next.unwrap_or_else(|| self.next_token())
    }

    /// A text, or a piece of one.
    fn text(&mut self, mut text: Text<'a>) {
        self.literals.extend(literals(text.text));
        let goes_on = self.documentation && matches!(self.previous, Token::Literal(_) | Token::Piece(_) | Token::Other);
        self.documentation = (self.first && self.lexer.depth == 0) || goes_on;
        if let Some(collector) = self.collector.as_mut().filter(|_| !self.documentation) {
            // `name + ".so"`, `name += ".so"`, `path.with_suffix(".so")`
            text.before |= matches!(self.previous, Token::Op(b'+') | Token::OpEqual(b'+'))
                || (self.previous == Token::Op(b'(') && self.before_previous == Token::Name(b"with_suffix"));
            collector.text(text);
        }
        self.passed();
    }

    /// Names that say more than what is bound or imported.
    fn notice(&mut self, name: &[u8]) {
        let of_sys = self.previous == Token::Op(b'.')
            && matches!(self.before_previous, Token::Name(owner) if owner.ends_with(b"sys"));
        self.scan.moves_imports |= of_sys && is_path_of_sys(name)
            || matches!(name, b"addsitedir" | b"extend_path" | b"__path__" | b"__package__");
        self.scan.binds_unseen |=
            of_sys && name == b"modules" || matches!(name, b"globals" | b"locals" | b"vars" | b"exec");
    }

    /// Something went by that is neither a target nor a place for one.
    fn passed(&mut self) {
        self.first = false;
        self.from_allowed = false;
        self.target_position = false;
    }

    fn name(&mut self, name: &'a [u8]) -> Option<Token<'a>> {
        if self.nested.is_some() && !matches!(name, b"import" | b"from" | b"lazy" | b"def" | b"class" | b"global") {
            self.passed();
            return None;
        }
        let first = std::mem::take(&mut self.first);
        let from_allowed = std::mem::take(&mut self.from_allowed);
        let target_position = std::mem::take(&mut self.target_position);
        match name {
            // These cannot stand inside brackets: what seems open was never closed.
            b"import" | b"def" | b"class" if self.previous != Token::Op(b'.') => {
                self.lexer.reset();
                self.statement = Statement::Header;
                return if name == b"import" { Some(self.imports()) } else { Some(self.definition()) };
            }
            b"from" if from_allowed => return Some(self.import_from()),
            b"global" if first => return Some(self.global()),
            b"raise" if first => {
                if self.in_block {
                    self.guard.inline_raise();
                } else {
                    self.ended |= self.nested.is_none() && self.lexer.column == 0;
                }
            }
            b"lazy" | b"async" if first => {
                self.from_allowed = true;
                self.first = name == b"async";
            }
            b"for" if first => {
                self.statement = Statement::For;
                self.target_position = true;
                return None;
            }
            b"if" | b"elif" | b"else" | b"try" | b"except" | b"finally" | b"while" | b"with" if first => {
                self.statement = Statement::Header;
                return None;
            }
            b"in" if self.statement == Statement::For && self.lexer.depth == 0 => {
                self.bind_targets();
                self.statement = Statement::Header;
            }
            // The defaults of its parameters look like assignments.
            b"lambda" if self.statement == Statement::Plain && self.lexer.depth == 0 => {
                self.statement = Statement::Done;
            }
            _ => {}
        }
        if self.nested.is_some() {
            return None;
        }
        if self.targets.first() == Some(&b"case".as_slice()) {
            self.captures.push(name);
        }
        match self.statement {
            Statement::Header if self.previous == Token::Name(b"as") || self.with_targets.is_some() => self.bind(name),
            // `type X = …`
            Statement::Plain if self.previous == Token::Name(b"type") && self.targets == [b"type"] => {
                self.bind(name);
                self.statement = Statement::Done;
            }
            Statement::Plain | Statement::For if target_position && self.trailer.is_none() => self.targets.push(name),
            _ => {}
        }
        None
    }

    fn operator(&mut self, op: u8) {
        let depth = self.lexer.depth;
        self.first = false;
        self.from_allowed = false;
        match op {
            b';' if depth == 0 => return self.begin(),
            b':' if depth == 0 => {
                return self.colon();
            }
            b'=' if depth == 0 && self.statement == Statement::Plain => {
                self.bind_targets();
                self.target_position = true;
                return;
            }
            _ => {}
        }
        if self.statement == Statement::Header {
            match op {
                b'(' | b'[' if self.previous == Token::Name(b"as") => self.with_targets = Some(depth.saturating_sub(1)),
                b')' | b']' if self.with_targets.is_some_and(|outside| depth <= outside) => self.with_targets = None,
                _ => {}
            }
        }
        if self.nested.is_some() || !matches!(self.statement, Statement::Plain | Statement::For) {
            return;
        }
        let target_position = std::mem::take(&mut self.target_position);
        match op {
            b',' | b'*' => self.target_position = true,
            b'.' => self.drop_target(),
            // A pattern, not a subscript.
            b'(' | b'[' | b'{' if self.targets == [b"case"] && self.previous == Token::Name(b"case") => {}
            // The lexer counts a bracket before it hands it out.
            b'(' | b'[' | b'{' if self.trailer.is_none() => {
                if op == b'{' || !target_position {
                    self.drop_target();
                    self.trailer = Some(depth.saturating_sub(1));
                } else {
                    self.target_position = true;
                }
            }
            b')' | b']' | b'}' if self.trailer.is_some_and(|outside| depth <= outside) => self.trailer = None,
            _ => {}
        }
    }

    /// A colon outside brackets: of a block, of an annotation, or of a `lambda`.
    fn colon(&mut self) {
        match (self.statement, self.targets.as_slice()) {
            // `case` and `match` are names to everything above.
            (Statement::Header, _) | (Statement::Plain, [] | [b"case" | b"match", ..]) => {
                let pattern = std::mem::take(&mut self.captures).into_iter().take_while(|name| *name != b"if");
                for name in pattern.filter(|name| *name != b"as") {
                    self.bind(name);
                }
                self.in_block = true;
                return self.begin();
            }
            (Statement::Plain, &[name]) if self.previous == Token::Name(name) || self.previous == Token::Op(b')') => {
                self.bind(name);
            }
            _ => {}
        }
        self.statement = Statement::Done;
        self.from_allowed = true;
    }

    /// The name just read is not bound but looked up.
    fn drop_target(&mut self) {
        if self.trailer.is_none() && matches!(self.previous, Token::Name(name) if self.targets.last() == Some(&name)) {
            self.targets.pop();
        }
    }

    fn definition(&mut self) -> Token<'a> {
        let token = self.next_token();
        if let Token::Name(name) = token
            && self.nested.is_none()
        {
            self.bind(name);
            self.nested = Some(self.lexer.column);
            return self.next_token();
        }
        token
    }

    /// What follows `global`: names of the module, wherever it stands. Gives the first token that is not part of it.
    fn global(&mut self) -> Token<'a> {
        loop {
            match self.lexer.next_token() {
                Token::Name(name) => drop(self.scan.names.insert(text(name))),
                Token::Op(b',') => {}
                other => return other,
            }
        }
    }

    /// What follows `import`; gives the first token that is not part of it.
    fn imports(&mut self) -> Token<'a> {
        loop {
            let token = self.next_token();
            let Token::Name(head) = token else { return token };
            let mut module = text(head);
            let token = self.next_token();
            let token = self.dotted(token, &mut module);
            let (alias, token) = self.alias(token);
            self.bind(alias.unwrap_or(head));
            self.push(0, &module, None);
            if token != Token::Op(b',') {
                return token;
            }
        }
    }

    fn import_from(&mut self) -> Token<'a> {
        let mut level = 0;
        let mut token = self.next_token();
        while token == Token::Op(b'.') {
            level += 1;
            token = self.next_token();
        }
        let mut module = String::new();
        if let Token::Name(head) = token
            && head != b"import"
        {
            module = text(head);
            token = self.next_token();
            token = self.dotted(token, &mut module);
        }
        if token != Token::Name(b"import") {
            return token;
        }
        token = self.next_token();
        let bracketed = token == Token::Op(b'(');
        if bracketed {
            token = self.next_token();
        }
        loop {
            match token {
                Token::Op(b'*') => {
                    self.push(level, &module, Some(b"*"));
                    token = self.next_token();
                }
                Token::Name(name) => {
                    self.push(level, &module, Some(name));
                    let after = self.next_token();
                    let (alias, after) = self.alias(after);
                    let bound = alias.unwrap_or(name);
                    let is_new = !self.scan.names.contains(&text(bound));
                    self.bind(bound);
                    if is_new && self.nested.is_none() && level == 1 && module.is_empty() && bound == name {
                        self.scan.from_here.insert(text(name));
                    }
                    token = after;
                }
                _ => {}
            }
            if token != Token::Op(b',') {
                return token;
            }
            token = self.next_token();
        }
    }

    fn dotted(&mut self, mut token: Token<'a>, module: &mut String) -> Token<'a> {
        while token == Token::Op(b'.') {
            token = self.next_token();
            if let Token::Name(part) = token {
                if module.len() <= MAX_MODULE {
                    module.push('.');
                    module.push_str(&text(part));
                }
                token = self.next_token();
            }
        }
        token
    }

    fn alias(&mut self, token: Token<'a>) -> (Option<&'a [u8]>, Token<'a>) {
        if token != Token::Name(b"as") {
            return (None, token);
        }
        match self.next_token() {
            Token::Name(alias) => (Some(alias), self.next_token()),
            other => (None, other),
        }
    }

    fn push(&mut self, level: usize, module: &str, name: Option<&[u8]>) {
        if module.len() <= MAX_MODULE && self.scan.imports.len() < MAX_IMPORTS {
            let is_plain = self.nested.is_none() && !self.in_block && !self.ended;
            let always = is_plain && self.lexer.column == 0;
            if is_plain {
                self.guard.import(self.scan.imports.len(), self.lexer.column);
            }
            let of_sys = name.filter(|_| module == "sys");
            self.scan.moves_imports |= of_sys.is_some_and(is_path_of_sys)
                || name.is_some_and(|name| matches!(name, b"addsitedir" | b"extend_path"));
            self.scan.binds_unseen |= of_sys == Some(b"modules");
            self.scan.imports.push(Import { level, module: module.to_owned(), name: name.map(text), always });
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a [u8]),
    /// The text between the quotes of a string that is no f-string with fields.
    Literal(&'a [u8]),
    /// The text of an f-string before, between or after its fields.
    Piece(Text<'a>),
    /// One character that is none of the others.
    Op(u8),
    /// Such a character with `=` after it: a comparison or an augmented assignment.
    OpEqual(u8),
    /// A number, or what belongs to the field of an f-string.
    Other,
    /// The end of a logical line, maybe of an empty one.
    Newline,
    End,
}

/// What an f-string makes of the bytes at hand.
#[derive(Clone, Copy)]
enum Context {
    Text {
        quote: u8,
        triple: bool,
        /// No field came yet.
        fresh: bool,
    },
    /// Inside braces; `depth` is that outside them. After its colon a field is text again.
    Field { depth: usize, spec: bool },
}

struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    /// Open brackets, those of f-string fields included.
    depth: usize,
    contexts: Vec<Context>,
    /// The column at which the logical line starts, with tabs to multiples of eight.
    column: usize,
    line_start: bool,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a [u8]) -> Self {
        let at = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { source, at, depth: 0, contexts: Vec::new(), column: 0, line_start: true }
    }

    /// Forgets all open brackets and f-strings.
    fn reset(&mut self) {
        self.depth = 0;
        self.contexts.clear();
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        let rest = &self.source[self.at..];
        self.at += rest.iter().position(|&byte| !matches(byte)).unwrap_or(rest.len());
    }

    fn next_token(&mut self) -> Token<'a> {
        if let Some(Context::Text { .. } | Context::Field { spec: true, .. }) = self.contexts.last() {
            return self.fstring_text();
        }
        if self.line_start {
            self.indentation();
        }
        loop {
            let Some(&byte) = self.source.get(self.at) else { return Token::End };
            let start = self.at;
            self.at += 1;
            match byte {
                b' ' | b'\t' | b'\x0c' => {}
                b'#' => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                b'\n' | b'\r' if self.depth > 0 => {}
                b'\n' | b'\r' => {
                    self.line_start = true;
                    return Token::Newline;
                }
                b'\\' if matches!(self.peek(0), b'\n' | b'\r') => self.skip_line_break(),
                b'"' | b'\'' => return self.string(byte, false),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => return self.name(start),
                b'0'..=b'9' => return self.number(byte),
                b'.' if self.peek(0).is_ascii_digit() => return self.number(byte),
                _ => return self.operator(byte),
            }
        }
    }

    fn indentation(&mut self) {
        self.line_start = false;
        self.column = 0;
        loop {
            match self.source.get(self.at) {
                Some(b' ') => self.column += 1,
                Some(b'\t') => self.column = (self.column / 8 + 1) * 8,
                Some(b'\x0c') => self.column = 0,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn skip_line_break(&mut self) {
        self.at += if self.peek(0) == b'\r' && self.peek(1) == b'\n' { 2 } else { 1 };
        self.at = self.at.min(self.source.len());
    }

    fn name(&mut self, start: usize) -> Token<'a> {
        self.skip_while(is_name_byte);
        let name = &self.source[start..self.at];
        let quote = self.peek(0);
        if matches!(quote, b'"' | b'\'') && name.len() <= 2 && name.iter().all(|byte| b"rRbBuUfFtT".contains(byte)) {
            self.at += 1;
            return self.string(quote, name.iter().any(|byte| b"fFtT".contains(byte)));
        }
        Token::Name(name)
    }

    /// `1if x` is a number and a keyword, so a number ends where it must.
    fn number(&mut self, first: u8) -> Token<'a> {
        if first == b'0' && matches!(self.peek(0), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_hexdigit() || byte == b'_');
        } else {
            self.skip_while(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'));
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if matches!(self.peek(0), b'e' | b'E') && self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
            }
        }
        if matches!(self.peek(0), b'j' | b'J' | b'l' | b'L') {
            self.at += 1;
        }
        Token::Other
    }

    fn operator(&mut self, byte: u8) -> Token<'a> {
        let in_field = matches!(self.contexts.last(), Some(Context::Field { depth, .. }) if depth + 1 == self.depth);
        match byte {
            b'}' if in_field => {
                self.leave();
                return Token::Other;
            }
            b':' if in_field => {
                if let Some(Context::Field { spec, .. }) = self.contexts.last_mut() {
                    *spec = true;
                }
                return Token::Other;
            }
            b'(' | b'[' | b'{' => self.depth += 1,
            // A field keeps its brace whatever else is closed inside it.
            b')' | b']' | b'}' if !in_field => self.depth = self.depth.saturating_sub(1),
            b'=' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'<' | b'>' | b'!' | b'@' | b':'
                if self.peek(0) == b'=' =>
            {
                self.at += 1;
                return Token::OpEqual(byte);
            }
            _ => {}
        }
        Token::Op(byte)
    }

    /// A string, with the reader after its first quote.
    fn string(&mut self, quote: u8, fields: bool) -> Token<'a> {
        let triple = self.peek(0) == quote && self.peek(1) == quote;
        self.at += if triple { 2 } else { 0 };
        let fields = fields && self.contexts.len() < MAX_FSTRING_DEPTH;
        if fields {
            self.contexts.push(Context::Text { quote, triple, fresh: true });
        }
        let start = self.at;
        loop {
            self.skip_while(|byte| {
                byte != quote && !matches!(byte, b'\\' | b'\n' | b'\r') && !(fields && byte == b'{')
            });
            let end = self.at;
            let byte = self.peek(0);
            match byte {
                b'\\' => self.skip_escape(),
                b'{' if fields => {
                    self.at = start;
                    return self.fstring_text();
                }
                b'\n' | b'\r' if triple => self.at += 1,
                _ if byte == quote && triple && !(self.peek(1) == quote && self.peek(2) == quote) => self.at += 1,
                _ => {
                    if byte == quote {
                        self.at += if triple { 3 } else { 1 };
                    }
                    if fields {
                        self.contexts.pop();
                    }
                    return Token::Literal(&self.source[start..end]);
                }
            }
        }
    }

    /// A backslash takes the next byte along, in raw strings too; but no escape hides the brace of a field.
    fn skip_escape(&mut self) {
        self.at += 1;
        match self.peek(0) {
            b'\n' | b'\r' => self.skip_line_break(),
            b'{' | b'}' => {}
            _ => self.at = (self.at + 1).min(self.source.len()),
        }
    }

    /// Goes on in the text of an f-string, or of the format of a field, up to its end or the next field.
    fn fstring_text(&mut self) -> Token<'a> {
        let spec = matches!(self.contexts.last(), Some(Context::Field { .. }));
        let text = self.contexts.iter_mut().rev().find_map(|context| match context {
            Context::Text { quote, triple, fresh } => Some((*quote, *triple, std::mem::take(fresh))),
            Context::Field { .. } => None,
        });
        let (quote, triple, fresh) = text.unwrap_or((b'"', false, false));
        let (source, start) = (self.source, self.at);
        let piece = |end: usize, after: bool| {
            if spec { Token::Other } else { Token::Piece(Text { text: &source[start..end], before: !fresh, after }) }
        };
        loop {
            let (byte, end) = (self.peek(0), self.at);
            let ends = byte == quote && (!triple || (self.peek(1) == quote && self.peek(2) == quote));
            match byte {
                b'\\' => self.skip_escape(),
                b'{' if self.peek(1) == b'{' && !spec => self.at += 2,
                b'{' if self.contexts.len() < MAX_FSTRING_DEPTH => {
                    self.at += 1;
                    self.contexts.push(Context::Field { depth: self.depth, spec: false });
                    self.depth += 1;
                    return piece(end, true);
                }
                b'}' if spec => {
                    self.at += 1;
                    self.leave();
                    return Token::Other;
                }
                _ if ends || self.at >= self.source.len() || (matches!(byte, b'\n' | b'\r') && !triple) => {
                    if ends {
                        self.at += if triple { 3 } else { 1 };
                    }
                    while let Some(Context::Field { .. }) = self.contexts.last() {
                        self.leave();
                    }
                    self.contexts.pop();
                    return piece(end.min(source.len()), false);
                }
                _ => self.at += 1,
            }
        }
    }

    /// Leaves the innermost field.
    fn leave(&mut self) {
        if let Some(Context::Field { depth, .. }) = self.contexts.pop() {
            self.depth = depth;
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    NAME[usize::from(byte)]
}

/// The bytes of identifiers. Encoded letters are taken as they come.
static NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn imports(source: &str) -> Vec<(usize, String, Option<String>)> {
        scan(source.as_bytes()).imports.into_iter().map(|import| (import.level, import.module, import.name)).collect()
    }

    fn plain(module: &str) -> (usize, String, Option<String>) {
        (0, module.to_owned(), None)
    }

    fn from(level: usize, module: &str, name: &str) -> (usize, String, Option<String>) {
        (level, module.to_owned(), Some(name.to_owned()))
    }

    fn names(source: &str) -> Vec<String> {
        scan(source.as_bytes()).names.into_iter().collect()
    }

    #[test]
    fn every_form_of_import() {
        assert_eq!(imports("import a.b as c, d"), [plain("a.b"), plain("d")]);
        assert_eq!(imports("from .a import b, c as d"), [from(1, "a", "b"), from(1, "a", "c")]);
        assert_eq!(imports("from . import x\nfrom ...y import z"), [from(1, "", "x"), from(3, "y", "z")]);
        assert_eq!(
            imports("from a import (b, # c\n  d,\n)\nimport e"),
            [from(0, "a", "b"), from(0, "a", "d"), plain("e")]
        );
        assert_eq!(imports("from a import *; import b"), [from(0, "a", "*"), plain("b")]);
        assert_eq!(imports("import a \\\r\n . b"), [plain("a.b")]);
        assert_eq!(imports("lazy import a\nlazy from b import c"), [plain("a"), from(0, "b", "c")]);
    }

    #[test]
    fn imports_anywhere_a_statement_may_stand() {
        let source = "def f():\n  try: import a\n  except E: from b import c\nif x: import d\nelse: from e import f";
        assert_eq!(imports(source), [plain("a"), from(0, "b", "c"), plain("d"), from(0, "e", "f")]);
        assert_eq!(imports("def g():\n  yield from a\n  raise b from c\n"), []);
    }

    #[test]
    fn imports_that_always_run_stand_in_no_block() {
        let source = "import a; import b\nif x: import c\ntry:\n  import d\nexcept E: import e\nfinally:\n  pass\nimport f\n\
                      def g(): import h\nclass I:\n  import j\nfrom k import (\n  l,\n)\nx: int = 1; import m\n\
                      with n:\n  import o\nmatch p:\n  case q: import r\nfor s in t: import u\nelse: import v\n\
                      while w: import y\n@z\ndef aa():\n  pass\nimport bb as cc, dd\n";
        let always: Vec<String> = scan(source.as_bytes())
            .imports
            .into_iter()
            .filter(|import| import.always)
            .map(|import| import.module)
            .collect();
        assert_eq!(always, ["a", "b", "f", "k", "m", "bb", "dd"]);
        assert!(!scan(b"async def f(): import a\nasync with b: import c\n").imports.iter().any(|import| import.always));
    }

    fn always(source: &str) -> Vec<String> {
        scan(source.as_bytes()).imports.into_iter().filter(|import| import.always).map(|import| import.module).collect()
    }

    #[test]
    fn imports_in_a_try_that_hands_every_failure_on_always_run() {
        let good = [
            "try:\n  import a\n  x = 1\n  import b\nexcept E as e:\n  x = 2\n  if x:\n    y()\n  raise F from e\n",
            "try:\n  import a\nexcept E: raise\nexcept F:\n  raise G\nelse:\n  import b",
            "try:\n  import a\nfinally:\n  import b\nx = 1\n",
            "# c\ntry:  # c\n\n  # c\n  import a, b\n# c\nexcept E:\n  # c\n\n  raise\n",
        ];
        for source in good {
            assert_eq!(always(source), ["a", "b"], "{source}");
        }
        for source in [
            "try:\n  import a\nexcept E:\n  pass\n",
            "try:\n  import a\nexcept E: raise\nexcept F:\n  pass\n",
            "try:\n  import a\nexcept E:\n  if x:\n    raise\n",
            "try:\n  if x:\n    import a\nexcept E: raise",
            "try:\n  def f():\n    import a\nexcept E: raise",
            "try:\n  try:\n    import a\n  except E: raise\nexcept F: raise",
            "try:\n  x\nexcept E:\n  import a\n  raise\n",
            "def f():\n  try:\n    import a\n  finally:\n    pass\n",
            "try: import a\nfinally: pass",
        ] {
            assert_eq!(always(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn nothing_runs_after_a_raise() {
        assert_eq!(
            always("import a\nif x:\n  raise E\nif y: raise E\ndef f():\n  raise E\nimport b\nraise E\nimport c\n"),
            ["a", "b"]
        );
    }

    #[test]
    fn what_moves_imports_and_binds_unseen() {
        for source in [
            "import sys\nsys.path.insert(0, x)",
            "import sys as _sys\ndef f():\n  _sys.modules['a'] = b",
            "from sys import argv, path",
            "import site; site.addsitedir(x)",
            "from pkgutil import extend_path",
            "__path__ = x",
            "sys.meta_path.append(x)",
        ] {
            assert!(scan(source.as_bytes()).moves_imports, "{source}");
        }
        assert!(
            !scan(b"import os, sys\nos.path.join(x)\nsys.exit()\nx.modules\n'sys.path'\nfrom os import path")
                .moves_imports
        );
        assert!(scan(b"globals()[x] = 1").binds_unseen && !scan(b"x = 1").binds_unseen);
    }

    #[test]
    fn names_that_are_bound_in_unusual_ways() {
        assert_eq!(names("def f():\n  global a, b\n  a = 1\n"), ["a", "b", "f"]);
        assert_eq!(names("with x as (a, [b, c]), y(d) as e: pass"), ["a", "b", "c", "e"]);
        assert_eq!(names("match x:\n  case a: pass\n  case [b, *c] as e if d: pass"), ["a", "b", "c", "e"]);
        assert_eq!(names("def f():\n  match x:\n    case a: pass"), ["f"]);
    }

    #[test]
    fn imports_in_strings_and_comments_are_none() {
        assert_eq!(imports("'''\nimport a\n'''\n# import b\nx = rb'import c\\\\'; import d"), [plain("d")]);
        assert_eq!(imports("x = f'{a[\'b\']:>{c}} import {{d'\nimport e"), [plain("e")]);
        assert_eq!(imports("x = f\"{a[\"#\"]!r:'>3}\" # \"\nimport e"), [plain("e")]);
    }

    #[test]
    fn garbage_before_an_import_does_not_hide_it() {
        assert_eq!(imports("x = ((((\nimport a"), [plain("a")]);
        assert_eq!(imports("x = 'open\nimport a"), [plain("a")]);
        assert_eq!(imports("\u{feff}import a"), [plain("a")]);
    }

    #[test]
    fn names_of_the_module_but_not_of_its_functions() {
        let source = "import a.b, c as d\nfrom e import f as g, h\ndef i(j=1): k = 2\nclass L:\n  m = 3\nn = o = 4\n";
        assert_eq!(names(source), ["L", "a", "d", "g", "h", "i", "n", "o"]);
        assert_eq!(
            names("if x:\n  a = 1\nelse: b = 2\ntry:\n  def c(): pass\n  d = 3\nexcept E as e: pass"),
            ["a", "b", "c", "d", "e"]
        );
        assert_eq!(
            names("a: int = 1\nb, (c, *d) = [e, f] = g\nfor h, i in j: pass\n"),
            ["a", "b", "c", "d", "e", "f", "h", "i"]
        );
        assert_eq!(names("x.a = 1\ny[b] = 2\nf(c=3)\ng = lambda d=4: 0\nh == 5\ni += 6"), ["g"]);
        assert_eq!(
            names("type A[T] = T\nwith b as c: pass\nif (d := 1): pass\nasync def e(): pass"),
            ["A", "c", "d", "e"]
        );
        assert!(scan(b"def handler(event, context): pass").defines("handler"));
    }

    #[test]
    fn literals_that_may_name_something() {
        let source =
            "x = ['a.b', \"c/d-e\", r'f_*', 'no space', '', b'a.b', f'{g}', '''h+i''', 'esc\\n', u'J', x, \"#\"]";
        assert_eq!(scan(source.as_bytes()).strings, ["J", "a.b", "c/d-e", "f_*", "h+i"]);
    }

    #[test]
    fn the_text_of_an_f_string_is_there_in_pieces() {
        let source = "x = f'docs/{name}.txt'\ny = f\"\"\"{a!r:>{w}}-b{{c}}\nd{e}/f.h\"\"\"\nz = rf'{g}'";
        assert_eq!(scan(source.as_bytes()).strings, ["-b", ".txt", "/f.h", "c", "docs/"]);
    }

    #[test]
    fn hostile_nesting_and_repetition_stay_bounded() {
        scan_texts("f'{".repeat(100_000).as_bytes(), &Words::default());
        scan("((".repeat(100_000).as_bytes());
        let wide = format!("from {} import {}", "m".repeat(200), "a,".repeat(200_000));
        assert_eq!(scan(wide.as_bytes()).imports.len(), MAX_IMPORTS);
        assert_eq!(imports(&format!("import {}", "a.".repeat(1000))), []);
    }

    proptest! {
        #[test]
        fn never_panics(source in proptest::collection::vec(any::<u8>(), 0..300)) {
            scan_texts(&source, &Words::new(["a", "a:"]));
        }

        #[test]
        fn never_panics_on_pieces_of_python(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "import ", "from ", ".", "a", " as ", ",", "(", ")", "[", "]", "{", "}", "'", "\"", "'''", "f'", "rf\"\"\"",
            "\\", "\n", "\r", "  ", "\t", ":", ":=", "=", ";", "*", "#", "def ", "class ", "lambda ", "for ", " in ",
            "type ", "case ", "1", "0x", "1e", "\0", "\u{e9}",
        ]), 0..60)) {
            let source = pieces.concat();
            scan_texts(source.as_bytes(), &Words::new(["a", "a:"]));
        }
    }
}
