//! Did you mean?
//!
//! Knows: how far apart two words are. Must never know: what the words name.

/// Words longer than this are no typing mistakes.
const LONGEST: usize = 64;
/// More candidates than this are not looked at: a hostile file has a million names and as many unknown ones.
const MOST: usize = 5000;

/// The candidate nearest to the word, if one is near enough; the first of equals.
pub fn nearest<S: AsRef<str>>(
    word: &str,
    candidates: impl IntoIterator<Item = S>,
) -> Option<String> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let mut best: Option<(usize, String)> = None;
    for candidate in candidates.into_iter().take(MOST) {
        let candidate = candidate.as_ref();
        let Some(mut far) = distance(word, candidate) else {
            continue;
        };
        if candidate.eq_ignore_ascii_case(word) {
            far = 0;
        }
        if far <= allowed && best.as_ref().is_none_or(|(least, _)| far < *least) {
            best = Some((far, candidate.to_owned()));
        }
    }
    best.map(|(_, name)| name)
}

/// Edits between two words, a swap of neighbours counting as one. None for words too long or too different in length.
fn distance(a: &str, b: &str) -> Option<usize> {
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) > 6 {
        return None;
    }
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j - 1] + change).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typing_mistakes() {
        let keys = ["name", "node", "addresses", "containers"];
        assert_eq!(nearest("nmae", keys).as_deref(), Some("name"));
        assert_eq!(nearest("adresses", keys).as_deref(), Some("addresses"));
        assert_eq!(nearest("NODE", keys).as_deref(), Some("node"));
        assert_eq!(nearest("zzz", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
