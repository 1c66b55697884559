//! A local AWS: moto, from the environment that `PACK_TEST_MOTO` names.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::lambda::request;

/// moto, until the test ends.
pub(crate) struct Moto {
    process: Child,
    /// `HOST:PORT`
    pub(crate) place: String,
}

impl Moto {
    /// Starts it; none where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Option<Self> {
        let python = std::path::PathBuf::from(std::env::var_os("PACK_TEST_MOTO")?).join("bin/python");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { process, place: format!("127.0.0.1:{port}") };
        let start = Instant::now();
        while std::net::TcpStream::connect(&moto.place).is_err() {
            assert!(start.elapsed() < Duration::from_mins(1), "moto does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(request(&moto.place, "GET", "/moto-api/config", "").0 < 300);
        Some(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
