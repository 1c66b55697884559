//! Processes that are killed at random moments.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Run;

/// `pack` with all that it starts in a process group of its own.
pub(crate) fn start(run: &Run) -> Child {
    let mut command = Command::new(run.command.get_program());
    command.args(run.command.get_args());
    for (name, value) in run.command.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(run.command.get_current_dir().unwrap());
    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts it and waits until something holds, or it is over.
pub(crate) fn start_until(run: &Run, holds: impl Fn() -> bool) -> Child {
    let mut child = start(run);
    while !holds() && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_micros(300));
    }
    child
}

/// How long it takes until something holds, and from then on.
pub(crate) fn durations(run: &Run, holds: impl Fn() -> bool) -> (Duration, Duration) {
    let begin = Instant::now();
    let mut child = start_until(run, holds);
    let then = Instant::now();
    assert!(child.wait().unwrap().success());
    (then - begin, then.elapsed())
}

/// Kills `pack`, then what it started and left.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
    // There may be nothing left.
    let _ = Command::new("sh").args(["-c", "kill -9 -- -$0", &child.id().to_string()]).stderr(Stdio::null()).status();
}

/// `SplitMix64`, which is small and good enough.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Some part of a time.
    pub(crate) fn within(&mut self, duration: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(duration.as_micros()).unwrap().max(1)))
    }

    /// A number below another.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// `PACK_TEST_SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    match std::env::var("PACK_TEST_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()),
    }
}
