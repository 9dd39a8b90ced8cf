//! Numbers as people write them: seeds, and times with their unit.

use std::time::Duration;

/// Units of time, and how many milliseconds they are.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A seed, decimal or 0x hex.
pub(crate) fn seed(text: &str) -> Option<u64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match hex {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        _ => text.parse().ok(),
    }
}

/// A time that is more than none, as `300ms`, `90s`, `30m` or `2h`.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let (unit, unit_ms) = UNITS.iter().find(|(unit, _)| {
        text.strip_suffix(unit).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    })?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    (number > 0).then(|| Duration::from_millis(u64::from(number) * unit_ms))
}

/// A time of whole milliseconds, as [`time`] reads it, in the greatest unit that it is a multiple of.
pub(crate) fn time_text(time: Duration) -> String {
    let ms = time.as_millis();
    let greatest = UNITS.iter().rev().find(|(_, unit_ms)| ms.is_multiple_of(u128::from(*unit_ms)));
    let (unit, unit_ms) = greatest.expect("it is a multiple of a millisecond");
    format!("{}{unit}", ms / u128::from(*unit_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, ms) in [("300ms", 300), ("90s", 90_000), ("30m", 1_800_000), ("2h", 7_200_000)] {
            assert_eq!(time(text), Some(Duration::from_millis(ms)), "{text}");
            assert_eq!(time_text(Duration::from_millis(ms)), text);
        }
        for text in ["", "s", "30", "0s", "-1m", "+1m", "1.5h", "1h30m", "99999999999h"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn seeds_are_decimal_or_hexadecimal() {
        assert_eq!((seed("31"), seed("0x1f"), seed("0X1F")), (Some(31), Some(31), Some(31)));
        for text in ["", "0x", "0x+1", "-1", "seven", "18446744073709551616"] {
            assert_eq!(seed(text), None, "{text}");
        }
    }
}
