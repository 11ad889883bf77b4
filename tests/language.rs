//! The constraint language: the manual's examples and the built-ins parse, check and print back; random trees print
//! back; hostile texts are survived.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::time::{Duration, Instant};

use kubeproof::base::source::{SourceId, SourceMap, Span};
use kubeproof::lang::ast::{
    Constraint, ENTITY_WORDS, File, Formula, FormulaKind, PROTOCOL_WORDS, Quantifier, Relation,
    Term, TermKind, Word,
};
use kubeproof::lang::{parse, print};
use kubeproof::library::builtins;
use kubeproof::logic::check::check;
use kubeproof::logic::signature::SIGNATURES;

/// Parses and checks without mistakes, and prints back to the same tree; the number of constraints.
fn sound(name: &str, text: &str) -> usize {
    let mut sources = SourceMap::new();
    let id = sources.add(name, text);
    let parsed = parse(id, text);
    assert_eq!(parsed.diagnostics, [], "{name}");
    let checked = check(&parsed.file);
    assert_eq!(checked.diagnostics, [], "{name}");
    assert_eq!(checked.constraints.len(), parsed.file.constraints.len());
    let printed = print::file(&parsed.file);
    let again = parse(id, &printed);
    assert_eq!(again.diagnostics, [], "{printed}");
    assert_eq!(again.file, parsed.file, "{printed}");
    checked.constraints.len()
}

#[test]
fn the_manual_holds() {
    let manual = include_str!("../specs/language.md");
    let mut blocks = 0;
    for block in manual.split("```spec\n").skip(1) {
        let text = block.split("```").next().unwrap();
        assert!(sound("specs/language.md", text) > 0, "{text}");
        blocks += 1;
    }
    assert!(blocks >= 6);
}

#[test]
fn the_manual_lists_every_predicate() {
    let manual = include_str!("../specs/language.md");
    let rows: Vec<String> = SIGNATURES
        .iter()
        .map(|s| format!("| `{}` | {} |", s.form, s.says))
        .collect();
    assert!(manual.contains(&rows.join("\n")), "{}", rows.join("\n"));
}

#[test]
fn the_built_ins_hold() {
    for builtin in builtins() {
        assert_eq!(sound(builtin.file, builtin.text), 1, "{}", builtin.file);
        let id = SourceMap::new().add(builtin.file, builtin.text);
        let constraint = check(&parse(id, builtin.text).file).constraints.remove(0);
        assert_eq!(constraint.id, builtin.id);
        assert!(constraint.reason.is_some() && constraint.source.is_some());
        assert_eq!(
            builtin.file,
            format!(
                "specs/constraints/{}-{}.spec",
                builtin.id.to_lowercase(),
                constraint.name
            )
        );
    }
}

#[test]
fn the_spellings_agree() {
    let unicode = "constraint a \"t\" ∀ e, X. (¬Loops(e) ∨ ∃ a. addr(X, a) ∧ a ≠ ::1) ⟺ Replied(e) ⟹ hops(e) ≤ 3 ∧ hops(e) ≥ 1";
    let ascii = "constraint a \"t\" forall e, X. (not Loops(e) \\/ exists a. addr(X, a) /\\ a != ::1) <=> Replied(e) => hops(e) <= 3 and hops(e) >= 1";
    let words = "constraint a \"t\" forall e, X. (not Loops(e) or exists a. addr(X, a) and a != ::1) iff Replied(e) implies hops(e) <= 3 /\\ hops(e) >= 1 # end";
    let id = SourceMap::new().add("t", unicode);
    let tree = parse(id, unicode);
    assert_eq!(tree.diagnostics, []);
    for text in [ascii, words] {
        let other = parse(id, text);
        assert_eq!(other.diagnostics, []);
        assert_eq!(tree.file, other.file);
    }
}

/// A small generator of its own, so that a failing seed stays failing.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Trees {
    random: Random,
    span: Span,
}

impl Trees {
    fn word(&mut self) -> Word {
        let names = [
            "x", "C₁", "K8s-Pod", "e'", "fd00", "a_b", "reason", "é", "_x", "and-so",
        ];
        let text = self.random.pick(&names).to_owned();
        Word {
            text,
            span: self.span,
        }
    }

    fn string(&mut self) -> String {
        let parts = ["tier", "\"", "\\", "\n", "#", "∀", " ", "\t", "é"];
        (0..self.random.below(4))
            .map(|_| self.random.pick(&parts))
            .collect()
    }

    fn term(&mut self, depth: u64) -> Term {
        let addresses = [
            "10.1.1.1",
            "::",
            "fd00::1",
            "::ffff:1.2.3.4",
            "a:b:c:d:e:f:1:2",
        ];
        let prefixes = [
            "10.0.0.0/8",
            "::/0",
            "fd00::/8",
            "0.0.0.0/0",
            "::ffff:0.0.0.0/96",
        ];
        let names = ["P1", "shop/db", "P1/C1.1", "deployment/a/b#1", "∀", "x-é"];
        let kind = match self.random.below(if depth == 0 { 9 } else { 10 }) {
            0 => TermKind::Any,
            1 => TermKind::Name(self.word().text),
            2 => TermKind::Entity {
                word: self.random.pick(&ENTITY_WORDS),
                name: self.random.pick(&names).to_owned(),
            },
            3 => TermKind::Address(self.random.pick(&addresses).parse().unwrap()),
            4 => TermKind::Prefix(self.random.pick(&prefixes).parse().unwrap()),
            5 => TermKind::Number(self.random.below(70_000) as u32),
            6 => {
                let low = self.random.below(60_000) as u16;
                TermKind::Range(low, low + self.random.below(5_000) as u16)
            }
            7 => TermKind::Protocol(self.random.pick(&PROTOCOL_WORDS)),
            8 => TermKind::Text(self.string()),
            _ => TermKind::Call(self.word(), self.terms(depth - 1)),
        };
        Term {
            kind,
            span: self.span,
        }
    }

    fn terms(&mut self, depth: u64) -> Vec<Term> {
        (0..self.random.below(4))
            .map(|_| self.term(depth))
            .collect()
    }

    fn formula(&mut self, depth: u64) -> Formula {
        let relations = [
            Relation::Equal,
            Relation::NotEqual,
            Relation::Less,
            Relation::LessEqual,
            Relation::Greater,
            Relation::GreaterEqual,
            Relation::In,
        ];
        let kind = match self.random.below(if depth == 0 { 3 } else { 10 }) {
            0 => FormulaKind::Constant(self.random.below(2) == 0),
            1 => FormulaKind::Predicate(self.word(), self.terms(2)),
            2 => FormulaKind::Relation(self.term(2), self.random.pick(&relations), self.term(2)),
            3 => FormulaKind::Not(Box::new(self.formula(depth - 1))),
            4 => FormulaKind::And(self.formulas(depth - 1)),
            5 => FormulaKind::Or(self.formulas(depth - 1)),
            6 => FormulaKind::Implies(
                Box::new(self.formula(depth - 1)),
                Box::new(self.formula(depth - 1)),
            ),
            7 => FormulaKind::Iff(
                Box::new(self.formula(depth - 1)),
                Box::new(self.formula(depth - 1)),
            ),
            _ => FormulaKind::Quantified(
                self.random.pick(&[Quantifier::Forall, Quantifier::Exists]),
                (0..=self.random.below(2)).map(|_| self.word()).collect(),
                Box::new(self.formula(depth - 1)),
            ),
        };
        Formula {
            kind,
            span: self.span,
        }
    }

    fn formulas(&mut self, depth: u64) -> Vec<Formula> {
        (0..2 + self.random.below(2))
            .map(|_| self.formula(depth))
            .collect()
    }

    fn text(&mut self) -> Word {
        Word {
            text: self.string(),
            span: self.span,
        }
    }

    fn file(&mut self) -> File {
        let constraints = (0..self.random.below(3)).map(|_| Constraint {
            id: (self.random.below(2) == 0).then(|| self.word()),
            name: self.word(),
            title: self.text(),
            reason: (self.random.below(2) == 0).then(|| self.text()),
            source: (self.random.below(2) == 0).then(|| self.text()),
            formula: self.formula(6),
            span: self.span,
        });
        File {
            constraints: constraints.collect(),
        }
    }
}

fn source() -> SourceId {
    SourceMap::new().add("t", "")
}

#[test]
fn printing_reads_back() {
    let span = Span {
        source: source(),
        start: 0,
        end: 0,
    };
    let mut trees = Trees {
        random: Random(0x9e37_79b9_7f4a_7c15),
        span,
    };
    for _ in 0..4_000 {
        let tree = trees.file();
        let text = print::file(&tree);
        let parsed = parse(source(), &text);
        assert_eq!(parsed.diagnostics, [], "{text}");
        assert_eq!(parsed.file, tree, "{text}\n{}", print::file(&parsed.file));
    }
}

#[test]
fn cut_and_shuffled_texts_are_survived() {
    let whole: String = builtins().iter().map(|b| b.text).collect();
    let mut random = Random(42);
    let chars: Vec<char> = whole.chars().collect();
    let odd = [
        '(', ')', '"', '∀', '.', ':', '\u{0}', '\u{202e}', '/', '-', '9', '\\', '#', ',',
    ];
    for _ in 0..2_000 {
        let start = random.below(chars.len() as u64) as usize;
        let mut text: Vec<char> = chars[start..].iter().copied().take(600).collect();
        for _ in 0..random.below(8) {
            let at = random.below(text.len() as u64) as usize;
            text[at] = random.pick(&odd);
        }
        let text: String = text.into_iter().collect();
        let parsed = parse(source(), &text);
        let checked = check(&parsed.file);
        assert!(parsed.diagnostics.len() <= 51 && checked.diagnostics.len() <= 51);
        for d in parsed.diagnostics.iter().chain(&checked.diagnostics) {
            let span = d.span.unwrap();
            assert!(text.get(span.start as usize..span.end as usize).is_some());
        }
        if parsed.diagnostics.is_empty() {
            assert_eq!(
                parse(source(), &print::file(&parsed.file)).file,
                parsed.file
            );
        }
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    let head = "constraint a \"t\" ";
    let many = 400_000;
    let texts = [
        format!("{head}{}", "(".repeat(many)),
        format!("{head}{}", "¬".repeat(many)),
        format!("{head}{}", "∀ x. ".repeat(many / 4)),
        format!("{head}{}", "true ⟹ ".repeat(many / 8)),
        format!("{head}{}", "f(".repeat(many / 2)),
        format!("{head}{}", "a".repeat(many)),
        format!("{head}{}", "a:".repeat(many)),
        format!("{head}{}", "1.".repeat(many)),
        format!("{head}{}", "a-".repeat(many)),
        format!("{head}\"{}", "\\".repeat(many)),
        format!("{head}{}", "pod(".repeat(many / 4)),
        format!("{head}{}", "\u{0}".repeat(many)),
        format!("{head}∀ x. {}true", "addr(x, x) ∧ ".repeat(many / 16)),
        format!("{head}∀ {}. true", vec!["x"; many / 4].join(", ")),
        "constraint ".repeat(many / 16),
        format!("{head}true ").repeat(many / 32),
    ];
    for text in texts {
        let start = Instant::now();
        let parsed = parse(source(), &text);
        let checked = check(&parsed.file);
        let shown: String = text.chars().skip(17).take(20).collect();
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{shown}: {:?}",
            start.elapsed()
        );
        assert!(parsed.diagnostics.len() <= 51 && checked.diagnostics.len() <= 51);
        assert!(
            parsed.diagnostics.len() + checked.diagnostics.len() > 0,
            "{shown}"
        );
    }
}
