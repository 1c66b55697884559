//! Artifacts of small ELF files: what is found in them, and what is not.

use std::sync::Arc;

use super::*;
use crate::check::modules::{Kind, Modules};
use crate::check::{Severity, reach};
use crate::elf::sample::{Sample, SampleSymbol, defines, wants};
use crate::lambda::{Architecture, Target};
use crate::tree::{Entry, Owner, Site, Source, Tree};

fn target(python: &str) -> Target {
    Target { python: python.parse().unwrap(), architecture: Architecture::X86_64 }
}

fn tree(files: &[(&str, Vec<u8>)]) -> Tree {
    let entry = |bytes: &[u8]| Entry {
        executable: false,
        owner: Owner::Function,
        size: bytes.len() as u64,
        source: Source::Memory(Arc::from(bytes)),
    };
    files.iter().map(|(path, bytes)| ((*path).to_owned(), entry(bytes))).collect()
}

/// All findings about a function whose handler nobody knows: what is loaded is what importing each package loads.
fn check(files: &Files, target: Target) -> Vec<Finding> {
    let question = Question::new(target, Shape::Function);
    let modules = Modules::new(files, &question);
    let loads = reach::from(&modules, &question, &modules.importable(), false).unwrap();
    super::check(files, &question, &loads).unwrap()
}

/// Each finding as `error library-missing p/m.so: reason`.
fn found_for(target: Target, files: &[(&str, Vec<u8>)]) -> Vec<String> {
    let tree = tree(files);
    let findings = check(&Files::of_tree(&tree, &[], &Site::function()), target);
    findings
        .into_iter()
        .map(|finding| {
            let path = finding.path.unwrap();
            let path = path.strip_prefix("/var/task/").unwrap();
            format!("{} {} {path}: {}", finding.severity, finding.check, finding.reason)
        })
        .collect()
}

fn found(files: &[(&str, Vec<u8>)]) -> Vec<String> {
    found_for(target("3.13"), files)
}

fn libc() -> (&'static str, Vec<(&'static str, bool)>) {
    ("libc.so.6", vec![("GLIBC_2.2.5", false)])
}

/// An extension module `m` that needs these.
fn module(needed: &[&'static str]) -> Sample {
    let needed = needed.iter().copied().chain(["libc.so.6"]).collect();
    Sample { needed, needs: vec![libc()], runpath: Some("$ORIGIN"), ..Sample::module("PyInit_m") }
}

fn library(soname: &'static str, symbols: Vec<SampleSymbol>) -> Sample {
    Sample { soname: Some(soname), needed: vec!["libc.so.6"], needs: vec![libc()], symbols, ..Sample::default() }
}

const OWN: &str = "p/m.cpython-313-x86_64-linux-gnu.so";

#[test]
fn a_sound_package_has_no_findings() {
    let files = [
        (OWN, module(&["liba.so.1", "libz.so.1", "libstdc++.so.6", "libpython3.13.so.1.0"]).build()),
        ("p/liba.so.1", library("liba.so.1", vec![defines("a")]).build()),
        ("p/n.abi3.so", Sample::module("PyInit_n").build()),
        ("p/o.so", Sample::module("PyModExport_o").build()),
        ("p/__init__.py", b"# a source that is long enough to be read".to_vec()),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_missing_library_is_an_error_where_it_is_loaded_for_sure() {
    let needs_gl = || Sample { needed: vec!["libGL.so.1"], ..Sample::default() };
    let lacks = "it needs libGL.so.1: neither the artifact nor Lambda's Amazon Linux 2023 has that";
    // By a module, or by what a module needs.
    assert_eq!(found(&[(OWN, module(&["libGL.so.1"]).build())]), [format!("error library-missing {OWN}: {lacks}")]);
    let by_library = [(OWN, module(&["liba.so"]).build()), ("p/liba.so", needs_gl().build())];
    assert_eq!(found(&by_library), [format!("error library-missing p/liba.so: {lacks}")]);
    // By the one library of a package without modules, as ctypes opens it; by one of several that a source names.
    let opens = ("p/__init__.py", b"import ctypes\nlib = ctypes.CDLL(path / 'liba.so')\n".to_vec());
    let by_ctypes = [opens.clone(), ("p/lib/liba.so", needs_gl().build())];
    assert_eq!(found(&by_ctypes), [format!("error library-missing p/lib/liba.so: {lacks}")]);
    let several = [&by_ctypes[..], &[("p/lib/libb.so", needs_gl().build())]].concat();
    assert_eq!(
        found(&several),
        [
            format!("error library-missing p/lib/liba.so: {lacks}"),
            format!("warning library-missing p/lib/libb.so: {lacks}")
        ]
    );
    // By another program that the package brings, which no source opens.
    let program = [("p/__init__.py", b"import subprocess\n".to_vec()), ("p/lib/liba.so", needs_gl().build())];
    assert_eq!(found(&program), [format!("warning library-missing p/lib/liba.so: {lacks}")]);
    // A plugin beside modules, or a module that another Python would import, or a program.
    let plugin = [(OWN, module(&[]).build()), ("p/plugins/liba.so", needs_gl().build())];
    assert_eq!(found(&plugin), [format!("warning library-missing p/plugins/liba.so: {lacks}")]);
    let other = [(OWN, module(&[]).build()), ("p/m.cpython-312-x86_64-linux-gnu.so", module(&["libGL.so.1"]).build())];
    assert_eq!(found(&other), [""; 0]);
    // One that the package can do without.
    for (source, severity) in [
        ("", "warning"),
        ("try:\n    from . import m\nexcept ImportError:\n    m = None\n", "warning"),
        ("def f():\n    from . import m\n", "warning"),
        ("from . import m\n", "error"),
        (
            "try:\n    from . import m\nexcept ImportError as error:\n    raise ImportError('broken') from error\n",
            "error",
        ),
    ] {
        let files = [("p/__init__.py", source.into()), (OWN, module(&["libGL.so.1"]).build())];
        assert_eq!(found(&files), [format!("{severity} library-missing {OWN}: {lacks}")], "{source}");
    }
}

#[test]
fn what_a_package_loads_unseen_is_known() {
    let files = [
        ("cv2/__init__.py", b"def bootstrap():\n    importlib.import_module('cv2')\nbootstrap()\n".to_vec()),
        ("cv2/cv2.abi3.so", Sample { needed: vec!["libGL.so.1"], ..Sample::module("PyInit_cv2") }.build()),
    ];
    assert!(found(&files)[0].starts_with("error library-missing cv2/cv2.abi3.so"), "{:?}", found(&files));
}

#[test]
fn a_module_that_is_no_library_is_an_error_where_it_is_imported() {
    let broken: [(&[u8], &str); 3] = [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "it is a pointer of Git LFS"),
        (b"<html>not found</html>", "it is no ELF file"),
    ];
    for (bytes, reason) in broken {
        for (source, severity) in [("from . import m\n", "error"), ("", "warning")] {
            let files = [("p/__init__.py", source.into()), (OWN, bytes.to_vec())];
            let start = format!("{severity} library-unreadable {OWN}: {reason}");
            assert!(found(&files)[0].starts_with(&start), "{:?}", found(&files));
        }
    }
    // A linker's script.
    assert_eq!(found(&[("p/__init__.py", vec![]), ("p/lib/libx.so", b"INPUT(libx.so.1)".to_vec())]), [""; 0]);
}

#[test]
fn what_has_one_cure_is_one_finding() {
    let x11 = module(&["libX11.so.6", "libXext.so.6", "libSM.so.6", "libICE.so.6", "libxcb.so.1"]);
    let files =
        [(OWN, x11.build()), ("p/n.so", Sample { needed: vec!["libX11.so.6"], ..Sample::module("PyInit_n") }.build())];
    assert_eq!(
        found(&files),
        [format!(
            "error library-missing {OWN}: it needs libICE.so.6, libSM.so.6, libX11.so.6, libXext.so.6 and 1 more, as does \
             1 more file: neither the artifact nor Lambda's Amazon Linux 2023 has that"
        )]
    );
}

#[test]
fn the_cure_is_the_hint() {
    let tree = tree(&[(OWN, module(&["libpq.so.5"]).build())]);
    let findings = check(&Files::of_tree(&tree, &[], &Site::function()), target("3.13"));
    assert_eq!(findings[0].severity, Severity::Error);
    assert!(findings[0].hint.as_deref().unwrap().contains("psycopg2-binary"));
}

#[test]
fn a_library_of_the_images_alone_is_a_warning() {
    let findings = found(&[(OWN, module(&["libssl.so.3"]).build())]);
    assert!(findings[0].starts_with(&format!("warning library-open {OWN}: it needs libssl.so.3")), "{findings:?}");
}

#[test]
fn libraries_are_found_as_the_loader_finds_them() {
    let nothing = [""; 0];
    let lib = || library("liba.so", vec![]).build();
    let with = |rpath: Option<&'static str>, runpath: Option<&'static str>| {
        Sample { rpath, runpath, ..module(&["liba.so"]) }.build()
    };
    for (module, place) in [
        (with(Some("$ORIGIN/../p.libs"), None), "p.libs/liba.so"),
        (with(None, Some("/nowhere:${ORIGIN}/../p.libs/")), "p.libs/liba.so"),
        (with(None, None), "lib/liba.so"),
        (with(None, None), "liba.so"),
        // Elsewhere: another library may have loaded it before.
        (with(None, None), "q/liba.so"),
    ] {
        assert_eq!(found(&[(OWN, module), (place, lib())]), nothing, "{place}");
    }
    // One for another machine is passed over.
    let foreign = Sample { machine: 183, ..library("liba.so", vec![]) }.build();
    let findings = found(&[(OWN, with(None, None)), ("lib/liba.so", foreign)]);
    assert!(findings.iter().any(|finding| finding.contains("it needs liba.so")), "{findings:?}");
}

#[test]
fn a_system_library_comes_before_one_that_only_runpath_leads_to() {
    let new = ("libstdc++.so.6", vec![("GLIBCXX_3.4.32", false)]);
    let asks =
        |rpath, runpath| Sample { rpath, runpath, needs: vec![libc(), new.clone()], ..module(&["libstdc++.so.6"]) };
    let own = Sample { definitions: vec!["GLIBCXX_3.4.32"], ..library("libstdc++.so.6", vec![]) };
    let files = |module: Sample| [(OWN, module.build()), ("p/libstdc++.so.6", own.build())];
    assert_eq!(found(&files(asks(Some("$ORIGIN"), None))), [""; 0]);
    assert!(found(&files(asks(None, Some("$ORIGIN"))))[0].contains("GLIBCXX_3.4.32"));
}

#[test]
fn versions_newer_than_the_runtimes() {
    let asks = |versions: Vec<(&'static str, bool)>| {
        [(OWN, Sample { needs: vec![("libc.so.6", versions)], ..module(&[]) }.build())]
    };
    let nothing = [""; 0];
    assert_eq!(found(&asks(vec![("GLIBC_2.34", false), ("GLIBC_2.38", true)])), nothing);
    assert_eq!(
        found(&asks(vec![("GLIBC_2.36", false), ("GLIBC_2.4", false), ("GLIBC_2.38", false)])),
        [format!(
            "error library-version {OWN}: it needs GLIBC_2.38 of libc.so.6, which ends at GLIBC_2.34 in Lambda's Amazon Linux 2023"
        )]
    );
    assert!(found(&asks(vec![("GLIBC_ABI_DT_RELR", false)]))[0].contains("GLIBC_ABI_DT_RELR of libc.so.6"));
    let abi3 =
        [("p/m.abi3.so", Sample { needs: vec![("libc.so.6", vec![("GLIBC_2.28", false)])], ..module(&[]) }.build())];
    assert_eq!(found(&abi3), nothing);
    assert!(found_for(target("3.11"), &abi3)[0].contains("ends at GLIBC_2.26 in Lambda's Amazon Linux 2"));
}

#[test]
fn a_version_that_the_artifacts_own_library_lacks() {
    let asks = Sample { needs: vec![libc(), ("liba.so", vec![("A_2", false)])], ..module(&["liba.so"]) };
    let with = |definitions| {
        [(OWN, asks.build()), ("p/liba.so", Sample { definitions, ..library("liba.so", vec![]) }.build())]
    };
    assert_eq!(found(&with(vec!["A_1", "A_2"])), [""; 0]);
    assert_eq!(found(&with(vec![])), [""; 0]);
    assert_eq!(
        found(&with(vec!["A_1"])),
        [format!("error library-version {OWN}: it needs A_2 of /var/task/p/liba.so, which does not define it")]
    );
}

#[test]
fn symbols_that_nothing_defines() {
    let uses = |symbols: &[SampleSymbol]| {
        let mut sample = module(&["liba.so"]);
        sample.symbols.extend(symbols);
        sample
    };
    let with = |module: Sample, symbols| [(OWN, module.build()), ("p/liba.so", library("liba.so", symbols).build())];
    let nothing = [""; 0];
    let missing = format!(
        "error symbol-missing {OWN}: it needs the symbol a2 and 1 more, which nothing in the artifact, Python or what it needs defines"
    );
    assert_eq!(found(&with(uses(&[wants("a1"), wants("a2"), wants("a3")]), vec![defines("a1")])), [missing]);
    assert_eq!(found(&with(uses(&[wants("a1")]), vec![defines("a1")])), nothing);
    // Python's own, a weak wish, the C library's without a version, one with a version.
    let weak = SampleSymbol { bind: 2, ..wants("__gmon_start__") };
    let versioned = SampleSymbol { version: Some("GLIBC_2.2.5"), ..wants("qsort") };
    let harmless = [wants("PyList_New"), wants("_Py_Dealloc"), weak, wants("powf"), wants("pthread_create"), versioned];
    assert_eq!(found(&with(uses(&harmless), vec![])), nothing);
    // A library that may have been loaded before, with its symbols open to all.
    let mut files = with(uses(&[wants("b")]), vec![]).to_vec();
    files.push(("q/libb.so", library("libb.so", vec![defines("b")]).build()));
    assert_eq!(found(&files), nothing);
    // zlib has symbols without versions, and nobody here knows them.
    let zlib = Sample { needed: vec!["libz.so.1", "libc.so.6"], ..library("liba.so", vec![]) };
    let files = [(OWN, uses(&[wants("deflate")]).build()), ("p/liba.so", zlib.build())];
    assert_eq!(found(&files), nothing);
}

#[test]
fn files_for_another_machine() {
    let arm = |sample: Sample| Sample { machine: 183, ..sample }.build();
    let wrong = |path: &str| format!("error library-machine {path}: it is for arm64, and the function runs on x86_64");
    for path in ["p/m.abi3.so", "p/libx.so.1", "p/m.cpython-313-aarch64-linux-gnu.so"] {
        assert_eq!(found(&[(path, arm(module(&[])))]), [wrong(path)]);
    }
    // A source does not help where the file is found first.
    assert_eq!(found(&[("p/m.abi3.so", arm(module(&[]))), ("p/m.py", vec![b'#'; 40])]), [wrong("p/m.abi3.so")]);
    let nothing = [""; 0];
    for (path, beside) in
        [("p/m.cpython-313-aarch64-linux-gnu.so", OWN), ("p/m.so", OWN), ("p/arm64/libx.so", "p/amd64/libx.so")]
    {
        assert_eq!(found(&[(path, arm(module(&[]))), (beside, module(&[]).build())]), nothing, "{path}");
    }
    // Chosen by the machine's name, started as a program, or for a graphics card.
    assert_eq!(found(&[("p/attach_linux_arm64.so", arm(module(&[])))]), nothing);
    assert_eq!(found(&[("p/bin/tool", arm(module(&[])))]), nothing);
    assert_eq!(found(&[("p/kernel.so", Sample { machine: 190, ..module(&[]) }.build())]), nothing);
    // 32-bit x86, big-endian.
    assert!(found(&[("p/m.so", Sample { machine: 3, wide: false, ..module(&[]) }.build())])[0].contains("32-bit x86"));
    assert_eq!(found(&[("p/m.so", Sample { big: true, machine: 21, ..module(&[]) }.build())]).len(), 1);
}

#[test]
fn extensions_for_another_python() {
    let nothing = [""; 0];
    let tagged = |tag: &str| format!("p/m.cpython-{tag}-x86_64-linux-gnu.so");
    let older = tagged("312");
    assert_eq!(
        found(&[(&older, module(&[]).build())]),
        [format!(
            "error extension-version {older}: it is for Python 3.12 on x86_64-linux-gnu, and Python 3.13 on x86_64 looks for \
             files of its own only"
        )]
    );
    assert!(found(&[(&tagged("313t"), module(&[]).build())])[0].contains("free-threaded Python 3.13"));
    // What the package does without.
    let guarded = b"try:\n    from . import m\nexcept ImportError:\n    pass\n";
    let guarded = [("p/__init__.py", guarded.to_vec()), (&older, module(&[]).build())];
    assert!(found(&guarded)[0].starts_with("warning extension-version"), "{:?}", found(&guarded));
    for beside in [OWN, "p/m.abi3.so", "p/m.so"] {
        assert_eq!(found(&[(&older, module(&[]).build()), (beside, module(&[]).build())]), nothing, "{beside}");
    }
    assert_eq!(found(&[(&older, module(&[]).build()), ("p/m.py", vec![b'#'; 40])]), nothing);
}

#[test]
fn files_for_another_system() {
    let nothing = [""; 0];
    let mut windows = vec![0; 0x80];
    windows[..2].copy_from_slice(b"MZ");
    windows[0x3c] = 0x40;
    windows[0x40..0x44].copy_from_slice(b"PE\0\0");
    let mac = [&[0xcf, 0xfa, 0xed, 0xfe][..], &[0; 40]].concat();
    let universal = [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2][..], &[0; 40]].concat();
    let class = [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52][..], &[0; 40]].concat();
    for (path, bytes, system) in [
        ("p/m.cp313-win_amd64.pyd", &windows, "Windows"),
        ("p/m.cpython-313-darwin.so", &mac, "macOS"),
        ("p/m.abi3.so", &universal, "macOS"),
    ] {
        let wrong = format!("error foreign-system {path}: it is for {system}, and Lambda runs Linux");
        assert_eq!(found(&[(path, bytes.clone())]), [wrong]);
        let pure = ("p-1.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n".to_vec());
        assert_eq!(found(&[(path, bytes.clone()), pure]), nothing);
    }
    for (path, bytes) in [
        ("setuptools/cli.exe", &windows),
        ("p/attach_amd64.dll", &windows),
        ("p/libx.dylib", &mac),
        ("p/Thing.data", &class),
    ] {
        assert_eq!(found(&[(path, bytes.clone())]), nothing, "{path}");
    }
    assert_eq!(found(&[("p/m.cp313-win_amd64.pyd", windows), (OWN, module(&[]).build())]), nothing);
}

#[test]
fn an_image_has_what_is_in_it() {
    let system = |soname, definitions: Vec<&'static str>| {
        Sample { soname: Some(soname), definitions, ..Sample::default() }.build()
    };
    let asks = Sample { needs: vec![("libc.so.6", vec![("GLIBC_2.36", false)])], ..module(&["libz.so.1"]) };
    let files = |definitions: Vec<&'static str>, with_zlib: bool| {
        let mut files = vec![
            ("/var/task/p/m.so".to_owned(), asks.build()),
            ("/usr/lib64/libc.so.6".to_owned(), system("libc.so.6", definitions)),
            ("/usr/lib64/plugin.so".to_owned(), Sample { needed: vec!["libnowhere.so"], ..Sample::default() }.build()),
        ];
        if with_zlib {
            files.push(("/usr/lib/x86_64-linux-gnu/libz.so.1".to_owned(), system("libz.so.1", vec![])));
        }
        files
    };
    let check = |definitions: Vec<&'static str>, with_zlib: bool| {
        let survey = Survey::of_bytes(files(definitions, with_zlib));
        let (graph, target) = (&Graph::of(&survey, target("3.13")), target("3.13"));
        let others = [("/var/task/p/m.so".to_owned(), Kind::Extension)].into();
        let used = used::find(graph, target, &reach::Reach { others, ..reach::Reach::default() });
        let mut findings = missing::check(graph, &used, target);
        findings.extend(versions::check(graph, &used, target));
        findings.into_iter().map(|finding| format!("{} {}", finding.severity, finding.reason)).collect::<Vec<_>>()
    };
    assert_eq!(check(vec!["GLIBC_2.2.5", "GLIBC_2.36"], true), [""; 0]);
    assert!(check(vec!["GLIBC_2.2.5", "GLIBC_2.36"], false)[0].starts_with("error it needs libz.so.1"));
    assert!(check(vec!["GLIBC_2.2.5"], true)[0].starts_with("error it needs GLIBC_2.36 of /usr/lib64/libc.so.6"));
}

#[test]
fn packages_by_their_folders() {
    for (path, expected) in [
        ("/var/task/numpy/linalg/x.so", "/var/task/numpy"),
        ("/var/task/x.so", "/var/task/x.so"),
        ("/opt/python/numpy/x.so", "/opt/python/numpy"),
        ("/opt/python/lib/python3.13/site-packages/numpy/x.so", "/opt/python/lib/python3.13/site-packages/numpy"),
        ("/opt/lib/libx.so", "/opt/lib/libx.so"),
        ("/usr/lib64/libx.so", "/usr/lib64/libx.so"),
        ("libx.so", "libx.so"),
    ] {
        assert_eq!(package(path), expected);
    }
}

#[test]
fn a_file_that_is_cut_off() {
    let mut bytes = module(&[]).build();
    bytes.truncate(200);
    for (source, severity) in [("", "warning"), ("from . import m\n", "error")] {
        assert_eq!(
            found(&[("p/__init__.py", source.into()), (OWN, bytes.clone())]),
            [format!("{severity} library-unreadable {OWN}: it is cut off, or its tables contradict each other")]
        );
    }
}

#[test]
fn the_graph_says_who_breaks() {
    let files = [
        (
            "p/a.so",
            Sample { symbols: vec![defines("PyInit_a"), wants("f1")], ..module(&["libf.so", "libg.so"]) }.build(),
        ),
        ("p/b.so", Sample { symbols: vec![defines("PyInit_b"), wants("h1")], ..module(&["libg.so"]) }.build()),
        ("p/c.so", Sample { symbols: vec![defines("PyInit_c"), wants("f1")], ..module(&[]) }.build()),
        ("p/libf.so", library("libf.so", vec![defines("f1")]).build()),
        (
            "p/libg.so",
            Sample { needed: vec!["libh.so"], runpath: Some("$ORIGIN"), ..library("libg.so", vec![]) }.build(),
        ),
        ("p/libh.so", library("libh.so", vec![defines("h1")]).build()),
    ];
    let survey = Survey::of_bytes(files.map(|(path, bytes)| (format!("/var/task/{path}"), bytes)));
    let graph = Graph::of(&survey, target("3.13"));
    let path = |name: &str| format!("/var/task/p/{name}");
    let broken = |removed: &[&str]| {
        let removed: Vec<String> = removed.iter().map(|name| path(name)).collect();
        let losses = graph.losses(&removed.iter().map(String::as_str).collect());
        for loss in &losses {
            assert!(loss.through.iter().all(|path| removed.iter().any(|removed| removed == path)), "{loss:?}");
        }
        losses.into_iter().map(|loss| name(loss.path).to_owned()).collect::<Vec<_>>()
    };
    let needing = |removed: &str| {
        let removed = path(removed);
        let dangling = graph.dangling(&[removed.as_str()].into());
        dangling.into_iter().map(|file| (name(file.path).to_owned(), file.names)).collect::<Vec<_>>()
    };
    assert_eq!(needing("libg.so"), [("a.so".to_owned(), vec!["libg.so"]), ("b.so".to_owned(), vec!["libg.so"])]);
    assert_eq!(needing("a.so"), []);
    // `c` wants the symbol of `libf` without needing it; `b` wants one of `libh`, which only `libg` brings.
    assert_eq!(broken(&["libf.so"]), ["a.so", "c.so"]);
    assert_eq!(broken(&["libg.so"]), ["b.so"]);
    assert_eq!(broken(&["libg.so", "b.so"]), [""; 0]);
    assert_eq!(broken(&["a.so", "libf.so", "c.so"]), [""; 0]);
}

#[test]
fn a_file_that_asks_a_version_breaks_without_the_library() {
    let asks = Sample { needs: vec![libc(), ("liba.so", vec![("A_1", false)])], ..module(&["liba.so"]) };
    let files = [
        ("/var/task/p/m.so".to_owned(), asks.build()),
        ("/var/task/p/liba.so".to_owned(), Sample { definitions: vec!["A_1"], ..library("liba.so", vec![]) }.build()),
    ];
    let survey = Survey::of_bytes(files);
    let graph = Graph::of(&survey, target("3.13"));
    let removed = "/var/task/p/liba.so";
    assert_eq!(graph.losses(&[removed].into()), [Loss { path: "/var/task/p/m.so", through: vec![removed] }]);
}

#[test]
fn a_need_leads_where_the_loader_looks_and_not_to_any_file_of_that_name() {
    let user = |runpath| Sample { needed: vec!["libg.so"], runpath, ..Sample::default() }.build();
    let files = [
        ("p/here.so", user(Some("$ORIGIN"))),
        ("q/perhaps.so", user(None)),
        ("p/libg.so", library("libg.so", vec![]).build()),
        ("r/libg.so", library("libg.so", vec![]).build()),
    ];
    let survey = Survey::of_bytes(files.map(|(path, bytes)| (format!("/var/task/{path}"), bytes)));
    let graph = Graph::of(&survey, target("3.13"));
    let (ours, others) = ("/var/task/p/libg.so", "/var/task/r/libg.so");
    let dangling = |removed: &[&str]| {
        let found = graph.dangling(&removed.iter().copied().collect());
        found.into_iter().map(|file| (name(file.path).to_owned(), file.names, file.doubtful)).collect::<Vec<_>>()
    };
    let (here, perhaps) = ("here.so".to_owned(), "perhaps.so".to_owned());
    let expected = [(here.clone(), vec!["libg.so"], vec![]), (perhaps.clone(), vec![], vec!["libg.so"])];
    assert_eq!(dangling(&[ours]), expected);
    assert_eq!(dangling(&[others]), [(perhaps.clone(), vec![], vec!["libg.so"])]);
    assert_eq!(dangling(&[ours, others]), [(here, vec!["libg.so"], vec![]), (perhaps, vec!["libg.so"], vec![])]);
}
