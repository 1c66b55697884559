//! What hostile artifacts can cost `pack check`: names, links and contents that unfold to much more than they are, each
//! under a limit of memory that the same artifact exceeded before it was bounded.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::io::Write;
use std::process::Command;

use serde_json::Value;
use support::check::assert_found;
use support::image::{GZIP, Layout};
use support::zips::{LINK, Member, file, zip};
use support::{Outcome, Pack, Run};
use zip::write::SimpleFileOptions;

const APP: &str = "def handler(event, context):\n    return 1\n";

/// `pack check PATH --json` in so many mebibytes of address space, two threads and their arenas included.
fn check(pack: &Pack, path: &str, mebibytes: u32) -> (Outcome, Value) {
    let inner = pack.command(["check", path, "--json"]).command;
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -v {}; exec \"$0\" \"$@\"", mebibytes << 10));
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(pack.path(""));
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("RAYON_NUM_THREADS", "2").env("MALLOC_ARENA_MAX", "2");
    let outcome = Run { command }.run();
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr));
    (outcome, report)
}

#[test]
fn names_of_many_folders() {
    let pack = Pack::new();
    let deep = |number: usize, levels: usize| file(&format!("{number}/{}b", "a/".repeat(levels)), "");
    let members: Vec<Member> = (0..4).map(|number| deep(number, 32_700)).chain([file("app.py", APP)]).collect();
    pack.write("longer.zip", zip(&members));
    let (outcome, report) = check(&pack, "longer.zip", 600);
    assert_found("longer than any path", &outcome, &report, "error", "archive", "it is longer than 4096 bytes");
    // As long as paths get: 300 times 2,000 folders.
    let members: Vec<Member> = (0..300).map(|number| deep(number, 2_000)).chain([file("app.py", APP)]).collect();
    pack.write("long.zip", zip(&members));
    let (outcome, report) = check(&pack, "long.zip", 600);
    assert_eq!((outcome.status, &report["files"]), (0, &301.into()), "{report:#}");
}

#[test]
fn links_to_many_files() {
    let pack = Pack::new();
    let files = (0..10_000).map(|number| file(&format!("d/{number}"), ""));
    let links = (0..300).map(|number| {
        let name = format!("{number}/{}", vec!["x".repeat(250); 8].join("/"));
        Member { mode: LINK, ..file(&name, format!("{}d", "../".repeat(8))) }
    });
    pack.write("app.zip", zip(&files.chain(links).chain([file("app.py", APP)]).collect::<Vec<_>>()));
    let (outcome, report) = check(&pack, "app.zip", 900);
    assert_found("3,000,000 files", &outcome, &report, "error", "symbolic-link", "lead to more than 1000000 files");
}

#[test]
fn a_link_with_a_long_name_in_an_image() {
    let pack = Pack::new();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(0);
    for number in 0..4000 {
        tar.append_data(&mut header, format!("d/{number}"), std::io::empty()).unwrap();
    }
    header.set_entry_type(tar::EntryType::Symlink);
    tar.append_link(&mut header, "l".repeat(1_000_000), "d").unwrap();
    Layout { pack: &pack, folder: "image" }.write(&[tar.into_inner().unwrap()], "amd64", GZIP);
    let (outcome, report) = check(&pack, "image", 900);
    assert_found("a name of a megabyte", &outcome, &report, "error", "image", "a path in it has 1000000 bytes");
}

#[test]
fn large_files_are_looked_at_one_at_a_time() {
    const SIZE: usize = 400 << 20;
    let pack = Pack::new();
    let mut writer = zip::ZipWriter::new(std::fs::File::create(pack.path("app.zip")).unwrap());
    writer.start_file("app.py", SimpleFileOptions::default()).unwrap();
    writer.write_all(APP.as_bytes()).unwrap();
    // One that is no library, and two that begin as one does.
    for (name, start) in [("data.so", "data"), ("a.so", "\x7fELF"), ("b.so", "\x7fELF")] {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(name, options.compression_level(Some(1))).unwrap();
        writer.write_all(start.as_bytes()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..SIZE / zeros.len() {
            writer.write_all(&zeros).unwrap();
        }
    }
    writer.finish().unwrap();
    let (outcome, report) = check(&pack, "app.zip", 750);
    assert_found("1.2 GB of zeros", &outcome, &report, "error", "too-large", "262144000");
}
