//! Words that look alike, for "did you mean", and user words made fit for a message.
//!
//! Must never know: what the words mean.

/// Longer words are not compared: the cost grows with the product of the lengths.
const MAX_COMPARED: usize = 64;
/// Longer words are cut in messages.
const MAX_SHOWN: usize = 60;

/// More candidates than this are not looked at: a hostile file has a million names and as many unknown ones.
const MOST: usize = 5000;

/// The candidate that is most like the word, if any is like it. Ties go to the first.
pub fn closest<S: AsRef<str>>(
    word: &str,
    candidates: impl IntoIterator<Item = S>,
) -> Option<String> {
    let word: Vec<char> = word.chars().take(MAX_COMPARED + 1).collect();
    if word.len() > MAX_COMPARED {
        return None;
    }
    let bound = (word.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, String)> = None;
    for candidate in candidates.into_iter().take(MOST) {
        let candidate = candidate.as_ref();
        let other: Vec<char> = candidate.chars().take(MAX_COMPARED + 1).collect();
        if other.len() > MAX_COMPARED || other.len().abs_diff(word.len()) > bound {
            continue;
        }
        let distance = distance(&word, &other);
        // A word of one letter is "one edit" from every other one: only its case may differ.
        let alike = distance <= bound && (distance < word.len().min(other.len()) || distance == 0);
        if alike && best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, candidate.to_owned()));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edit distance, with a swap of neighbours as one edit, letters compared without case.
fn distance(a: &[char], b: &[char]) -> usize {
    let same = |x: char, y: char| x == y || x.to_lowercase().eq(y.to_lowercase());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(!same(a[i - 1], b[j - 1]));
            let mut cost = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// A user's word for a message: on one line, without control characters, cut where it is very long.
pub fn clip(word: &str) -> String {
    let mut shown = String::new();
    for (i, c) in word.chars().enumerate() {
        if i == MAX_SHOWN {
            shown.push('…');
            break;
        }
        // Characters that nobody can see, or that turn the line around, are spelled out.
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || hidden {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{clip, closest};

    #[test]
    fn finds_the_nearest_word() {
        let words = ["K8s-Pod", "K8s-Node", "addr"];
        assert_eq!(closest("k8s-pod", words).as_deref(), Some("K8s-Pod"));
        assert_eq!(closest("adrd", words).as_deref(), Some("addr"));
        assert_eq!(closest("nothing", words), None);
        assert_eq!(closest("a", ["e", "X"]), None);
        assert_eq!(closest("x", ["e", "X"]).as_deref(), Some("X"));
        assert_eq!(closest("", words), None);
    }

    #[test]
    fn shows_what_cannot_be_seen() {
        assert_eq!(clip("a\u{202e}b\n"), "a\\u{202e}b\\u{a}");
        assert_eq!(clip(&"x".repeat(100)).chars().count(), 61);
    }
}
