//! Headless Chromium, driven through `chromedriver`: as much of `WebDriver` as the tests of pages need.
//! Source: <https://www.w3.org/TR/webdriver2/>; its logs: <https://developer.chrome.com/docs/chromedriver/logging>.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys that are no character.
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const ARROW_RIGHT: &str = "\u{e014}";
pub(crate) const TAB: &str = "\u{e004}";

/// How long a page may take for what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with an empty profile, until the test ends.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// Of the driver, then of the session.
    address: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts it; where it is not installed, the reason.
    pub(crate) fn start() -> Result<Self, &'static str> {
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !is_there("chromium") {
            return Err("chromium is not there (Debian: apt install chromium)");
        }
        if !is_there("chromedriver") {
            return Err("chromedriver is not there (Debian: apt install chromium-driver)");
        }
        let profile = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .into();
        let mut browser = Self { driver, agent, address: format!("http://127.0.0.1:{port}"), _profile: profile };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "chromedriver does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        browser.open_session();
        // The page of a new tab asks for much.
        browser.go("about:blank");
        browser.log("performance");
        Ok(browser)
    }

    fn open_session(&mut self) {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let session = self.post("/session", &capabilities);
        let id = session["sessionId"].as_str().unwrap();
        self.address = format!("{}/session/{id}", self.address);
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.agent.post(format!("{}{path}", self.address)).send(body.to_string());
        let text = answer.unwrap().body_mut().with_config().limit(1 << 28).read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {}", answer["value"]["message"]);
        answer["value"].take()
    }

    fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Opens a file of this machine, and says how long that took.
    pub(crate) fn open(&self, file: &Path) -> Duration {
        let start = Instant::now();
        self.go(&address_of(file));
        start.elapsed()
    }

    /// What the body of a function returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text that the first element of a selector shows.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({selector:?}).innerText"));
        text.as_str().unwrap().to_owned()
    }

    /// A click of the mouse in the middle of the first element of a selector.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let id = element.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// Keys, one after the other, to whatever has the focus.
    pub(crate) fn press(&self, keys: &[&str]) {
        let strokes =
            |key: &&str| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.iter().flat_map(strokes).collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Types a text into a field in the place of what is there.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.run(&format!("const field = document.querySelector({selector:?}); field.focus(); field.select()"));
        let keys: Vec<String> = text.chars().map(String::from).collect();
        self.press(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Waits until an expression is true in the page.
    pub(crate) fn wait_for(&self, condition: &str) {
        let start = Instant::now();
        while self.run(&format!("return Boolean({condition})")) != json!(true) {
            assert!(start.elapsed() < PATIENCE, "never true: {condition}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What was written to the console since the last look, and refused of the page's policy.
    pub(crate) fn console(&self) -> Vec<Value> {
        self.log("browser")
    }

    /// Addresses that were asked for since the last look.
    pub(crate) fn requests(&self) -> Vec<String> {
        let event = |entry: &Value| serde_json::from_str::<Value>(entry["message"].as_str()?).ok();
        let events = self.log("performance");
        let events = events.iter().filter_map(event).map(|mut event| event["message"].take());
        let asked = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }
}

/// `file:///…`
pub(crate) fn address_of(file: &Path) -> String {
    url::Url::from_file_path(file).unwrap().to_string()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of the session is the end of the browser, which is no child of ours.
        let _ = self.agent.delete(&self.address).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
