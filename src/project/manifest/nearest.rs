//! The word that was meant, for messages.

/// The known word that is nearest to what was written, if one is near: one letter in four may differ, or one is the
/// beginning of the other.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Beyond this, nothing that is known is near, and distances would take long.
    if written.chars().count() > 100 {
        return None;
    }
    let plain = written.to_lowercase().replace('_', "-");
    let rank = |word: &str| {
        let other = word.to_lowercase().replace('_', "-");
        let distance = strsim::osa_distance(&plain, &other);
        let begins = plain.len() >= 3 && (other.starts_with(&plain) || plain.starts_with(&other) && other.len() >= 3);
        (distance <= 1 + plain.chars().count() / 4 && distance < other.chars().count() || begins).then_some(distance)
    };
    known.into_iter().filter_map(|word| Some((rank(word)?, word))).min().map(|(_, word)| word)
}

/// What to do about a word that is not known: the nearest one, and all there are.
pub fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    let all = known.clone().into_iter().collect::<Vec<_>>().join(", ");
    match nearest(written, known) {
        Some(word) => format!("did you mean {word:?}? {what}: {all}"),
        None if all.is_empty() => format!("{what}: none"),
        None => format!("{what}: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let keys = ["memory", "timeout", "ephemeral-storage", "architectures", "slim"];
        assert_eq!(nearest("memroy", keys), Some("memory"));
        assert_eq!(nearest("ephemeral_storage", keys), Some("ephemeral-storage"));
        assert_eq!(nearest("arch", keys), Some("architectures"));
        assert_eq!(nearest("Memory", keys), Some("memory"));
        assert_eq!(nearest("runtime", ["packaging"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest(&"a".repeat(100_000), keys), None);
    }
}
