//! Any files: the ZIP that is written reads back as the same files, and the same files write the same bytes.
#![no_main]

use std::cell::OnceCell;
use std::collections::BTreeMap;

use pack::archive::Archive;
use pack::artifact::{ZipWriter, pack};

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

type Files = BTreeMap<String, (bool, Vec<u8>)>;

fn write(files: &Files) -> Vec<u8> {
    let mut zip = ZipWriter::new(Vec::new());
    for (path, (executable, bytes)) in files {
        zip.add(path, *executable, &pack(bytes.clone())).expect("memory takes what is written");
    }
    zip.finish().expect("memory takes what is written")
}

libfuzzer_sys::fuzz_target!(|files: Files| {
    // A path that ends with a slash is a folder; a build has none.
    if files.keys().any(|path| path.ends_with('/') || path.len() > usize::from(u16::MAX)) {
        return;
    }
    let bytes = write(&files);
    assert_eq!(bytes, write(&files));
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
        let path = folder.path().join("a.zip");
        std::fs::write(&path, &bytes).expect("a file in it");
        // The reader refuses names that could leave a folder; what it takes is what was written.
        let Ok(archive) = Archive::open(&path) else { return };
        assert_eq!(archive.members().len(), files.len());
        for (index, member) in archive.members().iter().enumerate() {
            let (executable, bytes) = &files[&member.name];
            assert_eq!((member.executable, &archive.read(index).expect("a whole member")), (*executable, bytes));
        }
    });
});
