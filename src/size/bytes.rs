//! Bytes as people read them: decimal units, as wheels and disks are measured.

/// `198.3 MB`.
pub fn human(bytes: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (size, unit) in UNITS {
        if bytes >= *size {
            return format!("{:.1} {unit}", bytes as f64 / *size as f64);
        }
    }
    format!("{bytes} B")
}

/// `198,334,112`.
pub fn exact(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!((human(0), human(999), human(1_000)), ("0 B".into(), "999 B".into(), "1.0 kB".into()));
        assert_eq!(human(262_144_000), "262.1 MB");
        assert_eq!((exact(1), exact(1_000), exact(262_144_000)), ("1".into(), "1,000".into(), "262,144,000".into()));
    }
}
