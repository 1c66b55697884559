//! Regions of AWS, as they are written. Which there are changes every year; so no list of them is kept here.

/// Whether it may be the name of a Region (`eu-west-1`).
pub fn is_region(text: &str) -> bool {
    let is_fit = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !text.is_empty() && text.chars().all(is_fit)
}
