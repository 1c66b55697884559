//! The indexes that a lock file names. pip asks its own, and these beside it; hashes say which file it has to be.

use super::line;

/// The index that pip asks where nothing else is configured: the user's own setting stands in for it.
const DEFAULT: &str = "https://pypi.org/simple";

/// Options that make pip ask them too.
pub(super) fn options(urls: &[&str]) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    for url in urls.iter().filter_map(|url| line::word(url)).filter(|url| url.contains("://")) {
        let option = format!("--extra-index-url {url}");
        if url.trim_end_matches('/') != DEFAULT && !options.contains(&option) {
            options.push(option);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_index_is_the_users_to_replace() {
        let urls = ["https://pypi.org/simple/", "https://host/a", "https://host/a", "https://host/a --pre", "x"];
        assert_eq!(options(&urls), ["--extra-index-url https://host/a"]);
    }
}
