//! Any bytes: no panic; names together are no longer than the file; a need that is dropped is gone, and the rest is as it
//! was; the graph of two such files answers.
#![no_main]

use std::collections::BTreeSet;

use pack::check::libraries::{Graph, Survey};
use pack::elf::dynamic;
use pack::elf::needed;
use pack::lambda::{Architecture, Target};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(before) = dynamic::read(bytes) else { return };
    let names: usize = before.symbols.iter().map(|symbol| symbol.name.len() + 1).sum();
    assert!(names <= bytes.len());
    let versions: usize = before.version_needs.iter().map(|need| need.versions.len()).sum();
    assert!((versions + before.version_definitions.len()) * 16 <= bytes.len());
    let _ = before.init_functions().count();

    if let Some(name) = before.needed.first()
        && let Ok(changed) = needed::drop(bytes, &[name])
    {
        assert_eq!(changed.len(), bytes.len());
        let mut expected = before.clone();
        expected.needed.retain(|other| other != name);
        assert_eq!(dynamic::read(&changed), Some(expected));
        assert_eq!(needed::drop(&changed, &[name]), Err(needed::Undropped::NotNeeded));
    }

    let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::X86_64 };
    let soname = before.soname.as_deref().unwrap_or("libx.so").replace('/', "_");
    let library = format!("/var/task/lib/{soname}");
    let survey = Survey::of_bytes([("/var/task/p/m.so".to_owned(), bytes), (library.clone(), bytes)]);
    let graph = Graph::of(&survey, target);
    let removed = BTreeSet::from([library.as_str()]);
    let _ = graph.losses(&removed);
    for dangling in graph.dangling(&removed) {
        assert!(!dangling.names.is_empty() || !dangling.doubtful.is_empty());
    }
});
