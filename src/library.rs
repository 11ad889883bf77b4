//! The built-in constraints, as texts.
//!
//! Knows: which files there are. Must never know: what they say; it is in `specs/constraints`.

/// What the set of built-in constraints is called.
pub const SET: &str = "kubernetes-network-model";

/// One built-in constraint.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its id, `KP003`.
    pub id: &'static str,
    /// Its file, as it is shown in messages.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Checked only where it is asked for.
    pub opt_in: bool,
}

/// A row of the table; the file's name is given once.
macro_rules! builtin {
    ($id:literal, $file:literal, $opt_in:literal) => {
        Builtin {
            id: $id,
            file: concat!("specs/constraints/", $file),
            text: include_str!(concat!("../specs/constraints/", $file)),
            opt_in: $opt_in,
        }
    };
}

const BUILTINS: &[Builtin] = &[
    builtin!("KP001", "kp001-unique-address.spec", false),
    builtin!("KP002", "kp002-container-to-container.spec", false),
    builtin!("KP003", "kp003-pod-to-pod.spec", false),
    builtin!("KP004", "kp004-process-to-pod.spec", false),
    builtin!("KP005", "kp005-node-to-any-pod.spec", false),
    builtin!("KP006", "kp006-no-nat.spec", false),
    builtin!("KP007", "kp007-own-address.spec", false),
    builtin!("KP008", "kp008-pod-to-service.spec", false),
    builtin!("KP009", "kp009-single-receiver.spec", false),
    builtin!("KP010", "kp010-termination.spec", false),
    builtin!("KP011", "kp011-pod-to-node.spec", true),
    builtin!("KP012", "kp012-endpoints-current.spec", false),
];

/// All of them, by id.
pub fn builtins() -> &'static [Builtin] {
    BUILTINS
}
