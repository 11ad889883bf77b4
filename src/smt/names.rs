//! Users' names as other languages can hold them.
//!
//! Knows: the lexical rules of C strings and of SMT-LIB. Must never know: terms, a solver, what a name stands for.

use std::collections::HashSet;

/// A name as Z3's C interface can hold it: no NUL, and not empty. Two names stay two: the escape character is escaped.
pub(super) fn c_name(name: &str) -> String {
    if name.is_empty() {
        return "\\e".to_owned();
    }
    name.replace('\\', "\\\\").replace('\0', "\\0")
}

/// The symbols of one script, each used once.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    taken: HashSet<String>,
    fresh: u32,
}

impl Symbols {
    /// A user's name as a symbol that nothing else is called.
    pub(super) fn of(&mut self, name: &str) -> String {
        // A quoted symbol holds anything printable but `|` and `\`. Quotes do not make another symbol of a word:
        // `|and|` is `and`. Those that start with `@` or `.` belong to solvers.
        let unprintable = |c: char| c.is_control() || matches!(c, '|' | '\\');
        let mut plain = name.replace(unprintable, "_");
        let foreign = plain.is_empty() || plain.starts_with(['@', '.']) || plain.starts_with("bv");
        if foreign || RESERVED.split_whitespace().any(|word| word == plain) {
            plain.insert_str(0, "v_");
        }
        let mut unique = plain.clone();
        let mut number = 1;
        while !self.taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{plain}~{number}");
        }
        let simple = |c: char| c.is_ascii_alphanumeric() || "~!$%^&*_-+=<>.?/@".contains(c);
        if unique.chars().all(simple) && !unique.starts_with(|c: char| c.is_ascii_digit()) {
            unique
        } else {
            format!("|{unique}|")
        }
    }

    /// A short symbol that nobody asked for. After all users' names, so that those stay as they are.
    pub(super) fn fresh(&mut self) -> String {
        loop {
            self.fresh += 1;
            let name = format!("t{}", self.fresh);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// Words that mean something already: of the language, of the core theory, of bit-vectors (together with all that starts
/// with `bv`), and of the theories that solvers load whatever the logic.
const RESERVED: &str = "\
    _ ! as let exists forall match par BINARY DECIMAL HEXADECIMAL NUMERAL STRING assert check-sat \
    check-sat-assuming declare-const declare-datatype declare-datatypes declare-fun declare-sort \
    define-fun define-fun-rec define-funs-rec define-sort echo exit get-assertions get-assignment \
    get-info get-model get-option get-proof get-unsat-assumptions get-unsat-core get-value pop push \
    reset reset-assertions set-info set-logic set-option true false not and or xor ite distinct if iff \
    implies nand nor = => concat extract repeat zero_extend sign_extend rotate_left rotate_right \
    ext_rotate_left ext_rotate_right bit2bool select store const map union intersection + - * / < <= > \
    >= div mod rem abs to_real to_int is_int ~";
