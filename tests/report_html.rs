//! `pack report --format html=FILE`: the page in a real browser.

#![allow(clippy::unwrap_used, reason = "a test's own set-up has nobody to report to")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use pack::report::{Report, html};
use pack::size::human;
use serde_json::{Value, json};
use support::browser::{ARROW_RIGHT, Browser, ENTER, ESCAPE, TAB, address_of};
use support::zips::{Member, file, zip};
use support::{Pack, WheelBuilder, skip};

/// A part of a report: name, version, and files as path, kind, unpacked bytes.
type Part<'a> = (&'a str, Option<&'a str>, Vec<(String, &'a str, u64)>);

/// A report on one ZIP. Half of every file is packed.
fn report(name: &str, parts: &[Part<'_>]) -> Report {
    let sum = |files: &[(String, &str, u64)]| files.iter().map(|file| file.2).sum::<u64>();
    let unpacked: u64 = parts.iter().map(|part| sum(&part.2)).sum();
    let count: usize = parts.iter().map(|part| part.2.len()).sum();
    let part = |(name, version, files): &Part<'_>| {
        json!({ "name": name, "version": version, "kind": if version.is_some() { "distribution" } else { "own" },
            "known_by": "record", "files": files.len(), "unpacked": sum(files), "packed": sum(files) / 2 })
    };
    let entries = parts.iter().enumerate().flat_map(|(part, (_, _, files))| {
        files.iter().map(move |(path, kind, bytes)| {
            json!({ "path": path, "unpacked": bytes, "packed": bytes / 2, "part": part, "kind": kind })
        })
    });
    let entries: Vec<Value> = entries.collect();
    let kinds = ["library", "bytecode", "source", "data"].map(|kind| {
        let of: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == kind).collect();
        let bytes: u64 = of.iter().filter_map(|entry| entry["unpacked"].as_u64()).sum();
        json!({ "kind": kind, "files": of.len(), "unpacked": bytes, "packed": bytes / 2 })
    });
    let artifact = json!({
        "name": name, "kind": "zip", "digest": format!("sha256:{}", "0".repeat(64)), "of": "app", "python": "3.13",
        "architecture": "x86_64", "packed": unpacked / 2 + 100, "unpacked": unpacked, "files": count,
        "overhead": { "packed": 100, "unpacked": 0 }, "with_layers": null,
        "limits": [
            { "limit": "unpacked", "bytes": unpacked, "most": 262_144_000 },
            { "limit": "direct-upload", "bytes": unpacked / 2 + 100, "most": 52_428_800 },
        ],
        "parts": parts.iter().map(part).collect::<Vec<_>>(), "kinds": kinds, "layers": [],
        "removed": [{ "part": "numpy", "rule": "tests", "files": 7, "bytes": 123_456 }], "entries": entries,
    });
    serde_json::from_value(json!({ "version": 1, "artifacts": [artifact] })).unwrap()
}

fn sized(path: &str, kind: &'static str, bytes: u64) -> (String, &'static str, u64) {
    (path.into(), kind, bytes)
}

fn after() -> Report {
    report(
        "new.zip",
        &[
            (
                "numpy",
                Some("2.2.0"),
                vec![
                    sized("numpy/core.so", "library", 44_000_000),
                    sized("numpy/lib/deep/one.py", "source", 3_000_000),
                    sized("numpy/lib/deep/two.pyc", "bytecode", 2_000_000),
                    sized("numpy/a.py", "source", 1_000),
                ],
            ),
            ("pandas", Some("3.0.0"), vec![sized("pandas/_libs/lib.so", "library", 20_000_000)]),
            ("app", None, vec![sized("app.py", "source", 1_250)]),
        ],
    )
}

/// Writes the page and opens it.
fn open(browser: &Browser, pack: &Pack, report: &Report) -> (PathBuf, Duration) {
    let page = pack.path("size.html");
    std::fs::write(&page, html(report)).unwrap();
    let took = browser.open(&page);
    (page, took)
}

/// Nothing was asked for but the page, and nothing went wrong in it.
fn assert_quiet(browser: &Browser, page: &std::path::Path) {
    assert_eq!(browser.console(), Vec::<Value>::new());
    let requests = browser.requests();
    assert!(requests.iter().all(|url| *url == address_of(page) || url.starts_with("data:")), "{requests:?}");
    assert!(requests.contains(&address_of(page)), "{requests:?}");
}

fn crumbs(browser: &Browser) -> String {
    let crumbs =
        browser.run("return [...document.querySelectorAll('#crumbs li')].map((one) => one.innerText).join(' > ')");
    crumbs.as_str().unwrap().to_owned()
}

/// What a screen reader says of the element that has the focus.
fn focused(browser: &Browser) -> String {
    let name =
        browser.run("return document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText");
    name.as_str().unwrap_or_default().to_owned()
}

/// The first cells of a table's rows.
fn rows(browser: &Browser, table: &str) -> Vec<String> {
    let script =
        format!("return [...document.querySelectorAll('{table} tbody tr')].map((row) => row.cells[0].innerText)");
    browser.run(&script).as_array().unwrap().iter().map(|row| row.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_map_is_walked_with_mouse_and_keys() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    let pack = Pack::new();
    let (page, _) = open(&browser, &pack, &after());
    assert_eq!(browser.text("h1"), "new.zip");
    assert_eq!(crumbs(&browser), "Everything 69.0 MB");
    assert!(browser.text("#limits").contains("69.0 MB of 262.1 MB, 193.1 MB left"), "{}", browser.text("#limits"));

    browser.click("#map > .tile[aria-label^='numpy 2.2.0'] > .label");
    assert_eq!(crumbs(&browser), "Everything > numpy 2.2.0 49.0 MB");
    assert!(focused(&browser).starts_with("numpy/core.so, 44.0 MB (44,000,000 bytes)"), "{}", focused(&browser));
    assert!(browser.text("#map-status").starts_with("Zoomed to numpy 2.2.0, 49.0 MB"));
    browser.press(&[ARROW_RIGHT]);
    assert!(focused(&browser).starts_with("lib/deep/, 5.0 MB"), "{}", focused(&browser));
    browser.press(&[ENTER]);
    assert_eq!(crumbs(&browser), "Everything > numpy 2.2.0 > lib/deep/ 5.0 MB");
    assert!(focused(&browser).starts_with("numpy/lib/deep/one.py, 3.0 MB"), "{}", focused(&browser));
    assert!(browser.text("#detail").contains("4.3 % of all"), "{}", browser.text("#detail"));
    // A file opens nothing.
    browser.press(&[ENTER]);
    assert_eq!(crumbs(&browser), "Everything > numpy 2.2.0 > lib/deep/ 5.0 MB");
    browser.press(&[ESCAPE]);
    assert!(focused(&browser).starts_with("lib/deep/"), "{}", focused(&browser));
    browser.press(&[ESCAPE]);
    assert_eq!(crumbs(&browser), "Everything 69.0 MB");
    assert!(focused(&browser).starts_with("numpy 2.2.0"), "{}", focused(&browser));
    browser.press(&[ESCAPE, ARROW_RIGHT]);
    assert!(focused(&browser).starts_with("pandas 3.0.0"), "{}", focused(&browser));

    // No trap: one tile is in the tab order, and Tab leaves the map.
    assert_eq!(browser.run("return document.querySelectorAll('#map [tabindex=\"0\"]').length"), json!(1));
    browser.press(&[TAB]);
    assert_eq!(browser.run("return document.activeElement.closest('#map')"), Value::Null);

    // A file deep inside, through its row and back through the breadcrumb.
    browser.click("#rows label:nth-of-type(2)");
    browser.run("[...document.querySelectorAll('#files-table tbody button')].find((row) => row.innerText.endsWith('two.pyc')).click()");
    assert_eq!(crumbs(&browser), "Everything > numpy 2.2.0 > lib/deep/ 5.0 MB");
    assert!(focused(&browser).starts_with("numpy/lib/deep/two.pyc"), "{}", focused(&browser));
    browser.click("#crumbs li:first-child button");
    assert_eq!(crumbs(&browser), "Everything 69.0 MB");
    browser.click("#bytes label:nth-of-type(2)");
    assert_eq!(crumbs(&browser), "Everything 34.5 MB");
    assert_quiet(&browser, &page);
}

#[test]
fn tables_sort_and_one_filter_is_for_all() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    let pack = Pack::new();
    let (page, _) = open(&browser, &pack, &after());
    assert_eq!(rows(&browser, "#parts-table"), ["numpy 2.2.0", "pandas 3.0.0", "the app's own"]);
    browser.click("#rows label:nth-of-type(2)");
    let sorted = |browser: &Browser| browser.run("return document.querySelector('#files-table [aria-sort]').ariaSort");
    assert_eq!(sorted(&browser), "descending");
    assert_eq!(rows(&browser, "#files-table")[..2], ["numpy/core.so", "pandas/_libs/lib.so"]);
    browser.click("#files-table th[data-key=path] button");
    assert_eq!((sorted(&browser), rows(&browser, "#files-table")[0].as_str()), (json!("ascending"), "app.py"));
    // The focus is still on the header.
    browser.press(&[ENTER]);
    assert_eq!(
        (sorted(&browser), rows(&browser, "#files-table")[0].as_str()),
        (json!("descending"), "pandas/_libs/lib.so")
    );

    browser.fill("#text", "numpy DEEP");
    browser.wait_for("document.querySelectorAll('#files-table tbody tr').length === 2");
    assert_eq!(browser.text("#count"), "2 of 6 files: 5.0 MB unpacked, 2.5 MB packed");
    assert_eq!(crumbs(&browser), "Everything 5.0 MB");
    browser.click("#kinds input[value=bytecode]");
    browser.wait_for("document.querySelectorAll('#files-table tbody tr').length === 1");
    assert_eq!(rows(&browser, "#files-table"), ["numpy/lib/deep/one.py"]);
    browser.fill("#text", "nothing has this");
    browser.wait_for("document.querySelectorAll('#files-table tbody tr').length === 0");
    assert!(browser.text("#map").contains("Nothing here"), "{}", browser.text("#map"));
    browser.click("#filter [type=reset]");
    browser.wait_for("document.querySelectorAll('#files-table tbody tr').length === 6");

    let colour = |browser: &Browser| browser.run("return getComputedStyle(document.body).backgroundColor");
    browser.click("#theme label:nth-of-type(2)");
    let light = colour(&browser);
    browser.click("#theme label:nth-of-type(3)");
    assert_ne!(colour(&browser), light);
    // Sizes as the text of a report has them, also where they are halves.
    assert!(
        browser.run("return document.querySelector('#files-table').innerText").as_str().unwrap().contains("1.2 kB")
    );
    assert!(browser.text("#removed-rules").starts_with("tests"), "{}", browser.text("#removed-rules"));
    assert_quiet(&browser, &page);
}

#[test]
fn before_and_after() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    let pack = Pack::new();
    let app = file("app.py", b"def handler(event, context):\n    return 1\n");
    let numpy = |version: &str| WheelBuilder::new("numpy", version).file("numpy/a.py", &vec![b'#'; 1_000]);
    let distribution = |wheel: WheelBuilder| wheel.members().into_iter().map(|(path, bytes)| file(&path, bytes));
    let mut old: Vec<Member> = distribution(numpy("2.1.0").file("numpy/core.so", &vec![0; 400_000])).collect();
    old.extend(distribution(WheelBuilder::new("gone", "1.0").file("gone/__init__.py", &vec![b'#'; 50_000])));
    old.push(app.clone());
    let new = numpy("2.2.0").file("numpy/core.so", &vec![0; 440_000]).file("numpy/deep/one.py", &vec![b'#'; 30_000]);
    let mut new: Vec<Member> = distribution(new).collect();
    new.extend(distribution(WheelBuilder::new("pandas", "3.0.0").file("pandas/_libs/lib.so", &vec![0; 200_000])));
    new.push(app);
    pack.write("old.zip", zip(&old));
    pack.write("new.zip", zip(&new));
    let report = ["report", "new.zip", "--baseline", "old.zip", "--budget", "unpacked-growth=1kB"];
    let outcome = pack.command(report).args(["--format", "html=size.html", "--format", "json"]).run();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let artifact = &report["artifacts"][0];
    let change = &artifact["change"];
    let page = pack.path("size.html");
    browser.open(&page);

    assert!(browser.text("#budgets").contains("broken"), "{}", browser.text("#budgets"));
    assert_eq!(rows(&browser, "#change-parts"), ["pandas 3.0.0", "numpy 2.1.0 → 2.2.0", "gone 1.0"]);
    assert!(browser.text("#change-parts").contains("+200."), "{}", browser.text("#change-parts"));
    assert_eq!(rows(&browser, "#change-files")[..3], ["pandas/_libs/lib.so", "gone/__init__.py", "numpy/core.so"]);

    let colour = |tile: &str| {
        let script = format!("return document.querySelector('#map > .tile[aria-label^=\"{tile}\"]')?.dataset.colour");
        browser.run(&script)
    };
    let everything = |bytes: &Value| format!("Everything {}", human(bytes.as_u64().unwrap()));
    let tiles = "return [...document.querySelectorAll('#map > .tile')].map((tile) => tile.ariaLabel.split(',')[0])";
    assert_eq!(crumbs(&browser), everything(&artifact["unpacked"]));
    browser.click("#map > .tile[aria-label^='numpy 2.2.0'] > .label");
    browser.click("#map > .tile[aria-label^='numpy/'] > .label");
    assert_eq!((colour("numpy/core.so"), colour("deep/")), (json!("grew"), Value::Null));
    browser.press(&[ESCAPE, ESCAPE]);
    browser.click("#sizes label:nth-of-type(1)");
    assert_eq!(crumbs(&browser), everything(&change["before"]["unpacked"]));
    assert_eq!(browser.run(tiles), json!(["numpy 2.2.0", "gone 1.0", "the function's own"]));
    assert_eq!(browser.run("return document.querySelector('#bytes').disabled"), true);
    browser.click("#sizes label:nth-of-type(3)");
    let sides = |file: &Value| file["after"].as_u64().unwrap_or(0).abs_diff(file["before"].as_u64().unwrap_or(0));
    let differences: u64 = change["files"].as_array().unwrap().iter().map(sides).sum();
    assert_eq!(crumbs(&browser), everything(&json!(differences)) + " changed");
    assert_eq!(browser.run(tiles), json!(["pandas 3.0.0", "numpy 2.2.0", "gone 1.0"]));
    browser.click("#sizes label:nth-of-type(2)");
    assert_eq!(crumbs(&browser), everything(&artifact["unpacked"]));
    browser.click("#colour label:nth-of-type(2)");
    browser.run("[...document.querySelectorAll('#parts-table tbody button')].find((row) => row.innerText === 'pandas 3.0.0').click()");
    assert_eq!(colour("pandas/_libs/"), Value::Null);
    assert_eq!(browser.run("return document.querySelector('#map [data-colour=library]') !== null"), true);
    assert_quiet(&browser, &page);

    // The same report, the same bytes.
    let first = std::fs::read(&page).unwrap();
    pack.command(["report", "new.zip", "--baseline", "old.zip", "--budget", "unpacked-growth=1kB"])
        .args(["--format", "html=size.html"])
        .run();
    assert!(first == std::fs::read(&page).unwrap());
}

#[test]
fn hostile_names_are_text() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    let script = "<script>document.title='run'</script>";
    let names = [
        format!("</script>{script}"),
        format!("<!--{script}"),
        "<img src=x onerror=document.title='run'>".into(),
        "a'b\"c&amp;&lt;.py".into(),
        "two\u{2028}lines\u{2029}.py".into(),
        "nul\0and\u{1b}[31m.py".into(),
        "\u{202e}turned".into(),
        "__proto__".into(),
        "constructor/prototype".into(),
        "{{report}}".into(),
        "../../etc/passwd".into(),
        "a/".repeat(20_000),
        String::new(),
    ];
    let files = names.iter().map(|name| (name.clone(), "data", 1_000)).collect();
    let name = format!("</title></noscript>{script}");
    let report = report(&name, &[("</b>&__proto__", Some("<1>"), files), ("__proto__", None, Vec::new())]);
    let pack = Pack::new();
    let (page, _) = open(&browser, &pack, &report);
    assert_eq!(browser.text("h1"), name);
    assert_eq!(browser.run("return document.title"), json!(format!("Size report: {name}")));
    assert_eq!(rows(&browser, "#parts-table"), ["</b>&__proto__ <1>"]);
    browser.click("#rows label:nth-of-type(2)");
    let shown = rows(&browser, "#files-table");
    assert_eq!(shown.len(), names.len());
    for name in
        [&names[0], &names[3], "two\\u2028lines\\u2029.py", "nul\\u0000and\\u001b[31m.py", "\\u202eturned", "(no name)"]
    {
        assert!(shown.iter().any(|row| row == name), "{name}: {shown:?}");
    }
    browser.click("#map > .tile > .label");
    browser.press(&[ENTER, ESCAPE]);
    assert_eq!(browser.run("return document.scripts.length"), 3);
    assert_quiet(&browser, &page);
}

#[test]
fn a_hundred_thousand_files_stay_quick() {
    let browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    let kinds = ["source", "bytecode", "data", "library"];
    let files = |part: usize| {
        let file = move |place: usize| {
            let path = format!("dist_{part:03}/sub{}/module_{place:04}.py", place % 17);
            (path, kinds[place % 4], (place * place * 7 % 90_001) as u64)
        };
        (0..500).map(file).collect::<Vec<_>>()
    };
    let names: Vec<String> = (0..200).map(|part| format!("dist-{part:03}")).collect();
    let parts: Vec<Part<'_>> =
        names.iter().enumerate().map(|(part, name)| (name.as_str(), Some("1.0"), files(part))).collect();
    let pack = Pack::new();
    let (page, took) = open(&browser, &pack, &report("large.zip", &parts));
    assert!(browser.text("#count").starts_with("100,000 of 100,000 files"), "{}", browser.text("#count"));
    let tiles = browser.run("return document.querySelectorAll('.tile').length").as_u64().unwrap();
    assert!((200..10_000).contains(&tiles), "{tiles}");
    browser.click("#map > .tile > .label");
    assert!(crumbs(&browser).starts_with("Everything > dist-"), "{}", crumbs(&browser));
    browser.click("#rows label:nth-of-type(2)");
    let shown = rows(&browser, "#files-table").len();
    browser.click("#files-table .more");
    assert_eq!(rows(&browser, "#files-table").len(), shown + 500);
    browser.fill("#text", "dist_007/sub3");
    browser.wait_for("document.querySelector('#count').innerText.startsWith('30 of 100,000 files')");
    eprintln!("opened in {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_quiet(&browser, &page);
}
