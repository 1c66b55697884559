//! Small ELF files for tests, without section headers, of either class and byte order.

use object::elf;

/// What the file in memory is above the file on disk, so that the two are never mistaken for each other.
pub(crate) const BASE: u64 = 0x1000;

/// A symbol: its name, binding (0 local, 1 global, 2 weak), whether it is defined, and the version it wants.
#[derive(Clone, Copy)]
pub(crate) struct SampleSymbol {
    pub(crate) name: &'static str,
    pub(crate) bind: u8,
    pub(crate) defined: bool,
    pub(crate) version: Option<&'static str>,
}

pub(crate) fn defines(name: &'static str) -> SampleSymbol {
    SampleSymbol { name, bind: 1, defined: true, version: None }
}

pub(crate) fn wants(name: &'static str) -> SampleSymbol {
    SampleSymbol { name, bind: 1, defined: false, version: None }
}

#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) wide: bool,
    pub(crate) big: bool,
    pub(crate) machine: u16,
    pub(crate) kind: u16,
    pub(crate) soname: Option<&'static str>,
    pub(crate) needed: Vec<&'static str>,
    pub(crate) rpath: Option<&'static str>,
    pub(crate) runpath: Option<&'static str>,
    /// Library → versions, each with the flag that it is weak.
    pub(crate) needs: Vec<(&'static str, Vec<(&'static str, bool)>)>,
    pub(crate) definitions: Vec<&'static str>,
    pub(crate) symbols: Vec<SampleSymbol>,
    /// Entries to put before `DT_NULL`.
    pub(crate) entries: Vec<(i64, u64)>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            wide: true,
            big: false,
            machine: elf::EM_X86_64.0,
            kind: elf::ET_DYN.0,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            needs: Vec::new(),
            definitions: Vec::new(),
            symbols: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl Sample {
    /// An extension module of that name.
    pub(crate) fn module(init: &'static str) -> Self {
        Self { symbols: vec![defines(init)], ..Self::default() }
    }

    #[allow(clippy::too_many_lines)] // One table after another, each once.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut string = |name: &str| {
            let bytes = [name.as_bytes(), b"\0"].concat();
            let place = strings.windows(bytes.len()).position(|window| window == bytes).unwrap_or_else(|| {
                strings.extend(&bytes);
                strings.len() - bytes.len()
            });
            place as u64
        };
        let word = if self.wide { 8 } else { 4 };

        let mut symbols = self.file();
        let mut indices = self.file();
        let mut versions: Vec<&str> = self.definitions.clone();
        versions.extend(self.needs.iter().flat_map(|(_, versions)| versions.iter().map(|&(name, _)| name)));
        // Index 0 is local, 1 is global; a library's own name is version 1 where it defines any.
        let index_of = |name: &str| versions.iter().position(|version| *version == name).unwrap() as u64 + 2;
        for symbol in std::iter::once(SampleSymbol { name: "", bind: 0, defined: false, version: None })
            .chain(self.symbols.iter().copied())
        {
            symbols.number(4, if symbol.name.is_empty() { 0 } else { string(symbol.name) });
            if !self.wide {
                symbols.words(&[0, 0]);
            }
            symbols.number(1, u64::from(symbol.bind) << 4);
            symbols.number(1, 0);
            symbols.number(2, u64::from(symbol.defined));
            if self.wide {
                symbols.words(&[0, 0]);
            }
            indices.number(2, symbol.version.map_or(u64::from(symbol.bind), index_of));
        }

        let mut hash = self.file();
        for value in [1, self.symbols.len() as u64 + 1, 0].iter().chain(&vec![0; self.symbols.len() + 1]) {
            hash.number(4, *value);
        }

        let mut needs = self.file();
        for (place, (library, asked)) in self.needs.iter().enumerate() {
            needs.number(2, 1);
            needs.number(2, asked.len() as u64);
            needs.number(4, string(library));
            needs.number(4, 16);
            let last = place + 1 == self.needs.len();
            needs.number(4, if last { 0 } else { 16 + 16 * asked.len() as u64 });
            for (index, &(name, weak)) in asked.iter().enumerate() {
                needs.number(4, 0);
                needs.number(2, if weak { 2 } else { 0 });
                needs.number(2, index_of(name));
                needs.number(4, string(name));
                needs.number(4, if index + 1 == asked.len() { 0 } else { 16 });
            }
        }

        let mut definitions = self.file();
        let base = self.soname.unwrap_or("base");
        for (place, name) in std::iter::once(&base).chain(&self.definitions).enumerate() {
            definitions.number(2, 1);
            definitions.number(2, u64::from(place == 0));
            definitions.number(2, place as u64 + 1);
            definitions.number(2, 1);
            definitions.number(4, 0);
            definitions.number(4, 20);
            definitions.number(4, if place == self.definitions.len() { 0 } else { 28 });
            definitions.number(4, string(name));
            definitions.number(4, 0);
        }

        let mut entries: Vec<(i64, u64)> = self.needed.iter().map(|name| (1, string(name))).collect();
        let names = [(14, self.soname), (15, self.rpath), (29, self.runpath)];
        entries.extend(names.into_iter().filter_map(|(tag, name)| Some((tag, string(name?)))));
        entries.extend(&self.entries);
        let mut tables: Vec<(i64, Vec<u8>)> = vec![(5, strings), (6, symbols.bytes), (4, hash.bytes)];
        entries.push((10, tables[0].1.len() as u64));
        if !versions.is_empty() {
            tables.push((0x6fff_fff0, indices.bytes));
        }
        if !self.needs.is_empty() {
            tables.push((0x6fff_fffe, needs.bytes));
            entries.push((0x6fff_ffff, self.needs.len() as u64));
        }
        if !self.definitions.is_empty() {
            tables.push((0x6fff_fffc, definitions.bytes));
            entries.push((0x6fff_fffd, self.definitions.len() as u64 + 1));
        }

        let (header, program) = if self.wide { (64, 56) } else { (52, 32) };
        let start = header + 2 * program;
        let size = (entries.len() + tables.len() + 2) as u64 * 2 * word;
        let mut end = start + size;
        for (tag, table) in &tables {
            end = end.next_multiple_of(16);
            entries.push((*tag, end + BASE));
            end += table.len() as u64;
        }
        // Linkers leave spare entries; what stands after the first DT_NULL does not count.
        entries.extend([(0, 0), (0, 0)]);

        let mut file = self.file();
        file.bytes = b"\x7fELF".to_vec();
        file.bytes.extend([1 + u8::from(self.wide), 1 + u8::from(self.big), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.number(2, self.kind.into());
        file.number(2, self.machine.into());
        file.number(4, 1);
        file.words(&[0, header, 0]);
        file.number(4, 0);
        for half in [header, program, 2, 0, 0, 0] {
            file.number(2, half);
        }
        file.segment(1, 0, end);
        file.segment(2, start, size);
        for (tag, value) in entries {
            file.words(&[tag.cast_unsigned(), value]);
        }
        for (_, table) in tables {
            file.bytes.resize(file.bytes.len().next_multiple_of(16), 0);
            file.bytes.extend(table);
        }
        assert_eq!(file.bytes.len() as u64, end);
        file.bytes
    }

    fn file(&self) -> Writer {
        Writer { wide: self.wide, big: self.big, bytes: Vec::new() }
    }
}

struct Writer {
    wide: bool,
    big: bool,
    bytes: Vec<u8>,
}

impl Writer {
    fn number(&mut self, size: usize, value: u64) {
        let bytes = value.to_le_bytes();
        let bytes = bytes[..size].iter().copied();
        if self.big { self.bytes.extend(bytes.rev()) } else { self.bytes.extend(bytes) }
    }

    fn words(&mut self, values: &[u64]) {
        let size = if self.wide { 8 } else { 4 };
        for &value in values {
            self.number(size, value);
        }
    }

    fn segment(&mut self, p_type: u64, offset: u64, size: u64) {
        self.number(4, p_type);
        if self.wide {
            self.number(4, 4);
        }
        self.words(&[offset, offset + BASE, offset + BASE, size, size]);
        if !self.wide {
            self.number(4, 4);
        }
        self.words(&[8]);
    }
}
