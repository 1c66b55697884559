//! What a wheel's files say (imports, names, symbols), as it was read before: who knows it need not unpack the file.
//!
//! `facts-v1/<wheel's SHA-256>/<what>`: the SHA-256 of the rest, then who read it, then a map from a member's place in the
//! wheel to what is known of it, in postcard's format. Only the very program that wrote it reads it again, so that no change
//! of what is read needs a number. What cannot be read is not known.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::Cache;
use crate::error::{Error, Result};
use crate::system::{AtomicFile, Stamp};

const FACTS: &str = "facts-v1";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Members by their places, each with its fact as postcard writes it.
type Known = BTreeMap<usize, Vec<u8>>;

/// What is known of a wheel's files.
#[derive(Debug, Default)]
pub struct Facts {
    /// Where it is kept; nowhere where nothing is.
    folder: Option<PathBuf>,
    /// By what was asked.
    asked: Mutex<HashMap<String, Arc<Answers>>>,
}

/// What is known of one question.
#[derive(Debug)]
struct Answers {
    file: PathBuf,
    /// With whether anything is new.
    known: Mutex<(Known, bool)>,
}

impl Answers {
    fn known(&self) -> MutexGuard<'_, (Known, bool)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    /// What is known of a wheel's files.
    pub fn facts(&self, wheel: &str) -> Facts {
        Facts { folder: Some(self.root().join(FACTS).join(wheel)), asked: Mutex::default() }
    }
}

impl Facts {
    /// The answer to the question `what` for a member; `read` finds it where it is not known. The name of the question has in it
    /// everything that the answer depends on besides the member.
    pub fn of<T: Serialize + DeserializeOwned>(
        &self,
        member: usize,
        what: &str,
        read: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(answers) = self.answers(what) else { return read() };
        let known = answers.known().0.get(&member).cloned();
        if let Some(answer) = known.and_then(|bytes| postcard::from_bytes(&bytes).ok()) {
            return Ok(answer);
        }
        let answer = read()?;
        // What cannot be kept is read again.
        if let Ok(bytes) = postcard::to_stdvec(&answer) {
            let mut known = answers.known();
            known.0.insert(member, bytes);
            known.1 = true;
        }
        Ok(answer)
    }

    fn answers(&self, what: &str) -> Option<Arc<Answers>> {
        let folder = self.folder.as_ref()?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answers) = asked.get(what) {
            return Some(answers.clone());
        }
        let file = folder.join(what);
        let known = std::fs::read(&file).ok().and_then(|bytes| known(&bytes)).unwrap_or_default();
        let answers = Arc::new(Answers { file, known: Mutex::new((known, false)) });
        asked.insert(what.to_owned(), answers.clone());
        Some(answers)
    }

    /// Keeps what was found. A cache that cannot be written is done without.
    pub fn keep(&self) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        for answers in asked.values() {
            let mut known = answers.known();
            if std::mem::take(&mut known.1) {
                let _ = write(&answers.file, &known.0);
            }
        }
    }
}

/// The program that runs, by its version and its file: some build systems give all files one time.
fn this_program() -> Option<(String, Stamp)> {
    Some((env!("CARGO_PKG_VERSION").to_owned(), Stamp::of_program()?))
}

/// What a file has, if it is whole and of this program.
fn known(bytes: &[u8]) -> Option<Known> {
    let (digest, rest) = bytes.split_at_checked(DIGEST)?;
    if Sha256::digest(rest).as_slice() != digest {
        return None;
    }
    let (program, known) = postcard::take_from_bytes::<(String, Stamp)>(rest).ok()?;
    (program == this_program()?).then(|| postcard::from_bytes(known).ok())?
}

fn write(file: &PathBuf, known: &Known) -> Result<()> {
    let failed = |error| Error::io("write", file)(error);
    let Some(program) = this_program() else { return Ok(()) };
    let rest = postcard::to_stdvec(&(program, known)).map_err(|error| failed(std::io::Error::other(error)))?;
    let mut output = AtomicFile::create(file)?;
    output.write_all(&Sha256::digest(&rest)).and_then(|()| output.write_all(&rest)).map_err(failed)?;
    output.persist_unsynced()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_known_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path())).unwrap();
        let ask = |member: usize, found: &str| {
            let facts = cache.facts("abc");
            let answer = facts.of(member, "names", || Ok(found.to_owned())).unwrap();
            facts.keep();
            answer
        };
        assert_eq!((ask(0, "first"), ask(1, "second")), ("first".into(), "second".into()));
        assert_eq!((ask(0, "other"), ask(1, "other")), ("first".into(), "second".into()));
        assert_eq!(Facts::default().of(0, "names", || Ok("unkept".to_owned())).unwrap(), "unkept");
        let file = folder.path().join(FACTS).join("abc/names");
        let mut bytes = std::fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(ask(0, "again"), "again");
    }

    #[test]
    fn nothing_that_is_read_makes_it_fail() {
        for bytes in [&b""[..], &[0; DIGEST], &[0xff; 100]] {
            assert_eq!(known(bytes), None);
        }
        let rest = [0xff; 40];
        assert_eq!(known(&[Sha256::digest(rest).as_slice(), &rest].concat()), None);
    }
}
