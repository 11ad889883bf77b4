//! A formula as a disjunction of *cubes*: conjunctions of atoms, with variables that exist and with cubes that do not hold.
//!
//! Must never know: what atoms mean, clusters, the solver.

use super::formula::{Formula, VarId};

/// A formula with more cubes than these is not taken apart.
const MOST: usize = 128;

/// ∃ `variables`. `literals` ∧ none of `none`.
#[derive(Debug, Clone, Default)]
pub struct Cube<'f> {
    /// Variables that exist. Names are unique in a constraint: nothing is captured.
    pub variables: Vec<VarId>,
    /// Atoms, and whether each holds or does not.
    pub literals: Vec<(bool, &'f Formula)>,
    /// Each with variables of its own.
    pub none: Vec<Cube<'f>>,
}

impl Cube<'_> {
    fn and(&self, other: &Self) -> Self {
        Self {
            variables: [self.variables.as_slice(), &other.variables].concat(),
            literals: [self.literals.as_slice(), &other.literals].concat(),
            none: [self.none.as_slice(), &other.none].concat(),
        }
    }
}

/// The cubes of a formula, or of its opposite; none where there are too many.
pub fn cubes(formula: &Formula, holds: bool) -> Option<Vec<Cube<'_>>> {
    match formula {
        Formula::Constant(value) => Some(if *value == holds {
            vec![Cube::default()]
        } else {
            Vec::new()
        }),
        Formula::Not(inner) => cubes(inner, !holds),
        Formula::And(parts) => joined(parts, holds, holds),
        Formula::Or(parts) => joined(parts, holds, !holds),
        Formula::Implies(a, b) => {
            let (not, then) = (cubes(a, !holds)?, cubes(b, holds)?);
            if holds {
                either(not, then)
            } else {
                both(&not, &then)
            }
        }
        Formula::Iff(a, b) => {
            let same = both(&cubes(a, true)?, &cubes(b, holds)?)?;
            let other = both(&cubes(a, false)?, &cubes(b, !holds)?)?;
            either(same, other)
        }
        Formula::Exists(variables, body) => quantified(variables, body, true, holds),
        Formula::Forall(variables, body) => quantified(variables, body, false, !holds),
        atom => Some(vec![Cube {
            literals: vec![(holds, atom)],
            ..Cube::default()
        }]),
    }
}

/// Some values make the body `sense`; or, where `some` is false, none do.
fn quantified<'f>(
    variables: &[VarId],
    body: &'f Formula,
    sense: bool,
    some: bool,
) -> Option<Vec<Cube<'f>>> {
    let mut inner = cubes(body, sense)?;
    for cube in &mut inner {
        cube.variables.extend(variables);
    }
    Some(if some {
        inner
    } else {
        vec![Cube {
            none: inner,
            ..Cube::default()
        }]
    })
}

fn joined(parts: &[Formula], holds: bool, conjunction: bool) -> Option<Vec<Cube<'_>>> {
    let start = if conjunction {
        vec![Cube::default()]
    } else {
        Vec::new()
    };
    parts.iter().try_fold(start, |all, part| {
        let more = cubes(part, holds)?;
        if conjunction {
            both(&all, &more)
        } else {
            either(all, more)
        }
    })
}

fn both<'f>(a: &[Cube<'f>], b: &[Cube<'f>]) -> Option<Vec<Cube<'f>>> {
    if a.len() * b.len() > MOST {
        return None;
    }
    let pairs = a.iter().flat_map(|a| b.iter().map(|b| a.and(b)));
    Some(pairs.collect())
}

fn either<'f>(mut a: Vec<Cube<'f>>, b: Vec<Cube<'f>>) -> Option<Vec<Cube<'f>>> {
    a.extend(b);
    (a.len() <= MOST).then_some(a)
}
