//! Makes Python bytecode deterministic: the same source compiled by the same Python becomes the same bytes, whatever
//! the state of the process that compiled it, and loads to equal code.
//!
//! Three things in the output of `marshal.dumps` depend on that state:
//!
//! - `FLAG_REF` is set on every object whose reference count is above one (cpython issue 78274). As Fedora's
//!   marshalparser does, keep it exactly where a later `TYPE_REF` needs it, and renumber.
//! - Whether a string is interned, and whether two equal strings are one object. `sys.intern` by anybody marks the
//!   process-wide one-character strings; and interning a name yields the older object of an equal name when its module
//!   is loaded already, but leaves an equal constant behind. Here equal strings are always one object, and interned if
//!   they serve as a name or look like one, which is Python's own rule for constants. A frozenset that holds such a
//!   constant is copied when the older object replaces it, so equal frozensets are one object here as well.
//! - The order of a constant set, which is that of hashes until 3.11 sorts it; the hash of `None` is its address.
//!
//! Format: `Python/marshal.c` of Python 3.9 to 3.15 (marshal versions 4 and 5).

use std::collections::HashMap;
use std::ops::Range;

const FLAG_REF: u8 = 0x80;
/// `MAX_MARSHAL_STACK_DEPTH`: what is nested deeper, Python does not load.
const MAX_DEPTH: usize = 2000;
/// The largest stream taken. Each byte may become a node of some 24 bytes, so this bounds memory as well.
const MAX_LEN: usize = 32 << 20;
/// How deep the elements of a set are compared: the compiler only folds scalars and tuples into them.
const MAX_KEY_DEPTH: usize = 16;

/// Why a stream is not bytecode that can be normalised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarshalError {
    /// The layout of code objects is known for 3.9 to 3.15 only.
    #[error("no known bytecode layout for Python 3.{0}")]
    UnsupportedVersion(u8),
    /// Longer than any real module.
    #[error("bytecode of {0} bytes is too large")]
    TooLarge(usize),
    /// The stream ends inside an object.
    #[error("bytecode ends early")]
    Truncated,
    /// Something follows the one object.
    #[error("{0} bytes follow the bytecode")]
    TrailingBytes(usize),
    /// Not a type code of this format.
    #[error("unknown type code {code:#04x} at offset {offset}")]
    UnknownType {
        /// The type code, without its flag.
        code: u8,
        /// Where it stands.
        offset: usize,
    },
    /// A negative or impossible length.
    #[error("impossible size at offset {0}")]
    BadSize(usize),
    /// A string marked as ASCII that is not.
    #[error("not ASCII at offset {0}")]
    NotAscii(usize),
    /// A reference to an object that is not there, or not complete yet.
    #[error("invalid reference {0}")]
    BadReference(u32),
    /// Nested deeper than Python loads.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Rewrites a marshal stream (no `.pyc` header) of Python 3.`minor` so that it depends on its content alone.
///
/// The result loads to an equal object; normalising it again changes nothing.
pub fn normalise(code: &[u8], minor: u8) -> Result<Vec<u8>, MarshalError> {
    let shape = &CodeShape::of(minor)?;
    let mut graph = graph_of(code, shape)?;
    graph.merge_strings(code);
    graph.merge_sets(code);
    Ok(graph.write(code, &graph.names(shape)))
}

/// Every string of such a stream: names, and constants that are texts.
pub fn strings(code: &[u8], minor: u8) -> Result<Vec<&[u8]>, MarshalError> {
    let shape = &CodeShape::of(minor)?;
    let graph = graph_of(code, shape)?;
    Ok((0..graph.nodes.len()).filter_map(|index| graph.string(code, u32::try_from(index).ok()?)).collect())
}

fn graph_of(code: &[u8], shape: &CodeShape) -> Result<Graph, MarshalError> {
    if code.len() > MAX_LEN {
        return Err(MarshalError::TooLarge(code.len()));
    }
    let mut reader = Reader { input: code, at: 0, shape, graph: Graph::default(), refs: Vec::new(), open: Vec::new() };
    reader.read()?;
    Ok(reader.graph)
}

/// Where a code object keeps its integers: some before its objects, and one line number between them.
struct CodeShape {
    head_bytes: usize,
    line_after: usize,
    objects: usize,
    /// The children that are tuples of names, and those that are a name.
    name_tuples: Range<usize>,
    names: Range<usize>,
    slices: bool,
}

impl CodeShape {
    fn of(minor: u8) -> Result<Self, MarshalError> {
        match minor {
            // Six ints; code, consts, names, varnames, freevars, cellvars, filename, name; line; lnotab.
            9 | 10 => {
                Ok(Self { head_bytes: 24, line_after: 8, objects: 9, name_tuples: 2..6, names: 7..8, slices: false })
            }
            // Five ints; code, consts, names, localsplusnames, localspluskinds, filename, name, qualname; line;
            // linetable, exceptiontable.
            11..=15 => Ok(Self {
                head_bytes: 20,
                line_after: 8,
                objects: 10,
                name_tuples: 2..4,
                names: 6..8,
                slices: minor >= 14,
            }),
            _ => Err(MarshalError::UnsupportedVersion(minor)),
        }
    }
}

/// An object: its type code, the bytes that follow it, and its parts. A line number is a node without a type code.
struct Node {
    tag: Option<u8>,
    /// False while a code object, frozenset or slice is being read: marshal reserves its index, but has no object yet.
    ready: bool,
    start: u32,
    end: u32,
    first_child: u32,
    child_count: u32,
}

impl Node {
    fn payload(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn child_range(&self) -> Range<usize> {
        self.first_child as usize..self.first_child as usize + self.child_count as usize
    }
}

/// All objects of a stream, the root first; references are resolved, so one object may be the child of several.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    children: Vec<u32>,
}

struct Frame {
    node: u32,
    /// Number of children; `usize::MAX` for a dict, which ends at its NULL.
    expected: usize,
    children: Vec<u32>,
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    shape: &'a CodeShape,
    graph: Graph,
    refs: Vec<u32>,
    open: Vec<Frame>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), MarshalError> {
        loop {
            self.object()?;
            self.close()?;
            if self.open.is_empty() {
                let left = self.input.len() - self.at;
                return if left == 0 { Ok(()) } else { Err(MarshalError::TrailingBytes(left)) };
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], MarshalError> {
        let end = self.at.checked_add(count).ok_or(MarshalError::Truncated)?;
        let bytes = self.input.get(self.at..end).ok_or(MarshalError::Truncated)?;
        self.at = end;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, MarshalError> {
        Ok(self.take(1)?[0])
    }

    fn long(&mut self) -> Result<i32, MarshalError> {
        let bytes = self.take(4)?;
        Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn size(&mut self) -> Result<usize, MarshalError> {
        let at = self.at;
        usize::try_from(self.long()?).map_err(|_| MarshalError::BadSize(at))
    }

    fn skip_short(&mut self) -> Result<(), MarshalError> {
        let size = usize::from(self.byte()?);
        self.take(size).map(drop)
    }

    fn skip_long(&mut self) -> Result<(), MarshalError> {
        let size = self.size()?;
        self.take(size).map(drop)
    }

    /// Reads one object up to its first child, and opens a frame if it has children to come.
    fn object(&mut self) -> Result<(), MarshalError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(MarshalError::TooDeep);
        }
        let offset = self.at;
        let byte = self.byte()?;
        let tag = byte & !FLAG_REF;
        let start = self.at;
        let mut flagged = byte & FLAG_REF != 0;
        let mut parts = None;
        match tag {
            b'r' => return self.reference(),
            // CPython reads the flag of these and ignores it.
            b'N' | b'F' | b'T' | b'S' | b'.' => flagged = false,
            b'0' => {
                flagged = false;
                match self.open.last_mut() {
                    Some(dict) if dict.expected == usize::MAX && dict.children.len() % 2 == 0 => {
                        dict.expected = dict.children.len() + 1;
                    }
                    _ => return Err(MarshalError::UnknownType { code: tag, offset }),
                }
            }
            b'i' => drop(self.take(4)?),
            b'I' | b'g' => drop(self.take(8)?),
            b'y' => drop(self.take(16)?),
            b'l' => {
                let digits = self.long()?.unsigned_abs() as usize;
                self.take(digits.saturating_mul(2)).map(drop)?;
            }
            b'f' => self.skip_short()?,
            b'z' | b'Z' | b'a' | b'A' => {
                let size = if tag | 0x20 == b'z' { usize::from(self.byte()?) } else { self.size()? };
                if !self.take(size)?.is_ascii() {
                    return Err(MarshalError::NotAscii(offset));
                }
            }
            b'x' => {
                self.skip_short()?;
                self.skip_short()?;
            }
            b's' | b't' | b'u' => self.skip_long()?,
            b')' => parts = Some(usize::from(self.byte()?)),
            b'(' | b'[' | b'<' | b'>' => parts = Some(self.size()?),
            b'{' => parts = Some(usize::MAX),
            b':' if self.shape.slices => parts = Some(3),
            b'c' => {
                self.take(self.shape.head_bytes).map(drop)?;
                parts = Some(self.shape.objects + 1);
            }
            code => return Err(MarshalError::UnknownType { code, offset }),
        }
        let ready = parts.is_none() || !matches!(tag, b'c' | b'>' | b':');
        let id = self.push(Some(tag), start, ready);
        if flagged {
            self.refs.push(id);
        }
        if let Some(expected) = parts {
            self.open.push(Frame { node: id, expected, children: Vec::new() });
        }
        Ok(())
    }

    fn reference(&mut self) -> Result<(), MarshalError> {
        let index = u32::from_le_bytes(self.long()?.to_le_bytes());
        let id = *self.refs.get(index as usize).ok_or(MarshalError::BadReference(index))?;
        match self.open.last_mut() {
            Some(parent) if self.graph.nodes[id as usize].ready => parent.children.push(id),
            _ => return Err(MarshalError::BadReference(index)),
        }
        Ok(())
    }

    /// Adds a node that ends where the reader stands, as a child of the open object.
    #[expect(clippy::cast_possible_truncation, reason = "offsets and counts stay below MAX_LEN")]
    fn push(&mut self, tag: Option<u8>, start: usize, ready: bool) -> u32 {
        let id = self.graph.nodes.len() as u32;
        let (start, end) = (start as u32, self.at as u32);
        self.graph.nodes.push(Node { tag, ready, start, end, first_child: 0, child_count: 0 });
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(id);
        }
        id
    }

    /// Closes the objects that are complete, and reads the line number of a code object when it is due.
    #[expect(clippy::cast_possible_truncation, reason = "offsets and counts stay below MAX_LEN")]
    fn close(&mut self) -> Result<(), MarshalError> {
        while let Some(frame) = self.open.last() {
            let tag = self.graph.nodes[frame.node as usize].tag;
            if frame.children.len() >= frame.expected {
                let node = &mut self.graph.nodes[frame.node as usize];
                node.first_child = self.graph.children.len() as u32;
                node.child_count = frame.children.len() as u32;
                node.ready = true;
                self.graph.children.extend_from_slice(&frame.children);
                self.open.pop();
            } else if tag == Some(b'c') && frame.children.len() == self.shape.line_after {
                let start = self.at;
                self.long()?;
                self.push(None, start, true);
            } else {
                break;
            }
        }
        Ok(())
    }
}

impl Graph {
    /// The characters of a string object.
    fn string<'a>(&self, input: &'a [u8], id: u32) -> Option<&'a [u8]> {
        let node = &self.nodes[id as usize];
        let length_bytes = match node.tag {
            Some(b'z' | b'Z') => 1,
            Some(b'a' | b'A' | b'u' | b't') => 4,
            _ => return None,
        };
        input[node.payload()].get(length_bytes..)
    }

    fn merge_strings(&mut self, input: &[u8]) {
        let mut first: HashMap<&[u8], u32> = HashMap::new();
        for index in 0..self.children.len() {
            let id = self.children[index];
            if let Some(string) = self.string(input, id) {
                self.children[index] = *first.entry(string).or_insert(id);
            }
        }
    }

    /// Which objects serve as a name (or as a tuple of names) of some code object.
    fn names(&self, shape: &CodeShape) -> Vec<bool> {
        let mut named = vec![false; self.nodes.len()];
        for code in self.nodes.iter().filter(|node| node.tag == Some(b'c')) {
            let parts = &self.children[code.child_range()];
            for &name in &parts[shape.names.clone()] {
                named[name as usize] = true;
            }
            for &tuple in &parts[shape.name_tuples.clone()] {
                // Once each: many code objects may share one tuple.
                if !std::mem::replace(&mut named[tuple as usize], true) {
                    for &name in &self.children[self.nodes[tuple as usize].child_range()] {
                        named[name as usize] = true;
                    }
                }
            }
        }
        named
    }

    /// Orders the elements of each set by their content, as Python does since 3.11 but without its flags, and makes
    /// equal frozensets one object.
    fn merge_sets(&mut self, input: &[u8]) {
        // Shared parts are written out in every key, so hostile sharing could cost far more than the input is long; a
        // set beyond the budget stays as it is.
        let mut budget = input.len().saturating_mul(8);
        let mut first: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut merged: HashMap<u32, u32> = HashMap::new();
        for (id, index) in (0u32..).zip(0..self.nodes.len()) {
            let node = &self.nodes[index];
            if !matches!(node.tag, Some(b'<' | b'>')) {
                continue;
            }
            let (frozen, range) = (node.tag == Some(b'>'), node.child_range());
            let keyed: Option<Vec<(Vec<u8>, u32)>> = self.children[range.clone()]
                .iter()
                .map(|&element| {
                    let mut key = Vec::new();
                    self.key(input, element, MAX_KEY_DEPTH, &mut key, &mut budget).map(|()| (key, element))
                })
                .collect();
            let Some(mut keyed) = keyed else { continue };
            keyed.sort();
            for (slot, (_, element)) in self.children[range].iter_mut().zip(&keyed) {
                *slot = *element;
            }
            if frozen {
                let canonical = *first.entry(keyed.into_iter().flat_map(|(key, _)| key).collect()).or_insert(id);
                merged.insert(id, canonical);
            }
        }
        for child in &mut self.children {
            *child = merged.get(child).copied().unwrap_or(*child);
        }
    }

    /// Appends what tells a set element from any other: its bytes without references.
    fn key(&self, input: &[u8], id: u32, depth: usize, key: &mut Vec<u8>, budget: &mut usize) -> Option<()> {
        let node = &self.nodes[id as usize];
        let payload = &input[node.payload()];
        *budget = budget.checked_sub(1 + payload.len())?;
        let depth = depth.checked_sub(1)?;
        match node.tag? {
            b'c' | b'<' | b'>' | b'[' | b'{' | b':' => return None,
            tag => key.push(string_tag(tag, false)),
        }
        key.extend_from_slice(payload);
        self.children[node.child_range()].iter().try_for_each(|&child| self.key(input, child, depth, key, budget))
    }

    /// Which objects are met more than once on the way through.
    fn shared(&self) -> Vec<bool> {
        let mut seen = vec![false; self.nodes.len()];
        let mut shared = seen.clone();
        let mut pending = vec![0u32];
        while let Some(id) = pending.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                shared[id as usize] = true;
            } else {
                pending.extend(&self.children[self.nodes[id as usize].child_range()]);
            }
        }
        shared
    }

    fn write(&self, input: &[u8], names: &[bool]) -> Vec<u8> {
        let shared = self.shared();
        let mut out = Vec::with_capacity(input.len());
        let mut indices: Vec<Option<u32>> = vec![None; self.nodes.len()];
        let mut next_index = 0u32;
        let mut pending = vec![0u32];
        while let Some(id) = pending.pop() {
            let node = &self.nodes[id as usize];
            if let Some(index) = indices[id as usize] {
                out.push(b'r');
                out.extend_from_slice(&index.to_le_bytes());
                continue;
            }
            let payload = &input[node.payload()];
            if let Some(tag) = node.tag {
                let mut byte = match self.string(input, id) {
                    Some(string) => string_tag(tag, names[id as usize] || looks_like_name(string)),
                    None => tag,
                };
                if shared[id as usize] {
                    byte |= FLAG_REF;
                    indices[id as usize] = Some(next_index);
                    next_index += 1;
                }
                out.push(byte);
            }
            out.extend_from_slice(payload);
            pending.extend(self.children[node.child_range()].iter().rev());
        }
        out
    }
}

/// The type code of a string, interned or not; any other type code as it is.
fn string_tag(tag: u8, interned: bool) -> u8 {
    match (tag, interned) {
        (b'z' | b'Z', true) => b'Z',
        (b'z' | b'Z', false) => b'z',
        (b'a' | b'A', true) => b'A',
        (b'a' | b'A', false) => b'a',
        (b'u' | b't', true) => b't',
        (b'u' | b't', false) => b'u',
        _ => tag,
    }
}

/// `all_name_chars` of `Objects/codeobject.c`: the string constants that Python interns.
fn looks_like_name(string: &[u8]) -> bool {
    string.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tuple(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![b')', u8::try_from(parts.len()).unwrap()];
        bytes.extend(parts.concat());
        bytes
    }

    const INT_A: &[u8] = b"i\x01\x02\x03\x04";
    const INT_A_FLAGGED: &[u8] = b"\xe9\x01\x02\x03\x04";
    const REF_0: &[u8] = b"r\0\0\0\0";
    const REF_1: &[u8] = b"r\x01\0\0\0";

    /// A code object of 3.13 with these constants, as `marshal.dumps` lays it out.
    fn code(consts: &[u8], name: &[u8]) -> Vec<u8> {
        let (empty, bytes): (&[u8], &[u8]) = (b")\0", b"s\0\0\0\0");
        let ints: &[u8] = &[0; 20];
        [b"\xe3", ints, bytes, consts, empty, empty, bytes, b"z\x01f", name, name, &[1, 0, 0, 0], bytes, bytes].concat()
    }

    #[test]
    fn flags_that_nothing_refers_to_go() {
        let with_flags = tuple(&[b"\xda\x01a", INT_A_FLAGGED, REF_1]);
        assert_eq!(normalise(&with_flags, 13).unwrap(), tuple(&[b"Z\x01a", INT_A_FLAGGED, REF_0]));
    }

    #[test]
    fn containers_reserve_their_index_before_their_parts() {
        // The outer tuple is 0 and its int 1.
        let mut stream = tuple(&[INT_A_FLAGGED, REF_1]);
        stream[0] |= FLAG_REF;
        assert_eq!(normalise(&stream, 13).unwrap(), tuple(&[INT_A_FLAGGED, REF_0]));
    }

    #[test]
    fn interning_follows_the_content_and_not_the_process() {
        // The one-character string of the process was interned by somebody, or was not.
        assert_eq!(normalise(b"Z\x01!", 13), normalise(b"\xfa\x01!", 13));
        assert_eq!(normalise(b"z\x01a", 13).unwrap(), b"Z\x01a");
        // The name is another object than the equal constant, or the same.
        let split = code(&tuple(&[b"z\x03a.b"]), b"\xda\x03a.b");
        let shared = code(&tuple(&[b"\xda\x03a.b"]), REF_1);
        assert_eq!(normalise(&split, 13).unwrap(), normalise(&shared, 13).unwrap());
        let out = normalise(&split, 13).unwrap();
        assert_eq!(out[0], b'c');
        assert_eq!(out.windows(5).filter(|bytes| *bytes == b"\xda\x03a.b").count(), 1);
    }

    #[test]
    fn sets_are_ordered_and_equal_ones_shared() {
        let one = b">\x02\0\0\0Nz\x02a ";
        let other = b">\x02\0\0\0z\x02a N";
        let out = normalise(&tuple(&[one, other]), 10).unwrap();
        assert_eq!(out, tuple(&[b"\xbe\x02\0\0\0Nz\x02a ", REF_0]));
        assert_eq!(out, normalise(&tuple(&[other, one]), 10).unwrap());
    }

    #[test]
    fn layouts_differ_by_version() {
        let new = code(b")\0", b"Z\x01m");
        assert!(normalise(&new, 11).is_ok());
        assert!(normalise(&new, 10).is_err());
        assert_eq!(normalise(b"N", 8), Err(MarshalError::UnsupportedVersion(8)));
        assert!(normalise(b":NNN", 14).is_ok());
        assert_eq!(normalise(b":NNN", 13), Err(MarshalError::UnknownType { code: b':', offset: 0 }));
    }

    #[test]
    fn what_cpython_would_not_load_is_refused() {
        assert_eq!(normalise(b"", 13), Err(MarshalError::Truncated));
        assert_eq!(normalise(b"NN", 13), Err(MarshalError::TrailingBytes(1)));
        assert_eq!(normalise(b"(\xff\xff\xff\xff", 13), Err(MarshalError::BadSize(1)));
        assert_eq!(normalise(b"(\xff\xff\xff\x7f", 13), Err(MarshalError::Truncated));
        assert_eq!(normalise(b"0", 13), Err(MarshalError::UnknownType { code: b'0', offset: 0 }));
        assert_eq!(normalise(b"z\x01\xe9", 13), Err(MarshalError::NotAscii(0)));
        // A frozenset inside itself; a reference to nothing.
        assert_eq!(normalise(b"\xbe\x01\0\0\0r\0\0\0\0", 13), Err(MarshalError::BadReference(0)));
        assert_eq!(normalise(REF_0, 13), Err(MarshalError::BadReference(0)));
        assert_eq!(normalise(&[b")\x01".repeat(1_000_000), b"N".to_vec()].concat(), 13), Err(MarshalError::TooDeep));
        assert!(normalise(&[b")\x01".repeat(MAX_DEPTH - 1), b"N".to_vec()].concat(), 13).is_ok());
    }

    #[test]
    fn dicts_lists_and_cycles_survive() {
        let list = b"\xdb\x01\0\0\0r\0\0\0\0";
        assert_eq!(normalise(list, 13).unwrap(), list);
        let dict = [b"{", INT_A, b"N0"].concat();
        assert_eq!(normalise(&dict, 13).unwrap(), dict);
    }

    #[test]
    fn shared_elements_do_not_explode() {
        // Each tuple holds the one before it twice; the set holds the last.
        let mut parts: Vec<Vec<u8>> = vec![b"\xa9\x01N".to_vec()];
        for index in 0u8..200 {
            parts.push([&b"\xa9\x02r"[..], &[index, 0, 0, 0], b"r", &[index, 0, 0, 0]].concat());
        }
        parts.push([&b">\x01\0\0\0r"[..], &[200, 0, 0, 0]].concat());
        let stream = tuple(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(normalise(&stream, 13).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), minor in 8u8..17) {
            let _ = normalise(&bytes, minor);
        }

        #[test]
        fn normalising_twice_changes_nothing(pieces in proptest::collection::vec(proptest::sample::select(vec![
            &b"\xa9\x02"[..], b")\x01", b"N", b"\xe9\x01\0\0\0", b"\xda\x01a", b"z\x01!", b"r\0\0\0\0", b"r\x01\0\0\0",
            b"\xbe\x02\0\0\0", b"<\x01\0\0\0", b"{", b"0", b"\xdb\x01\0\0\0", b":", b"g\0\0\0\0\0\0\0\0",
        ]), 1..30)) {
            if let Ok(once) = normalise(&pieces.concat(), 14) {
                prop_assert_eq!(normalise(&once, 14).unwrap(), once);
            }
        }
    }
}
