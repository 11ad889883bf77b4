//! The command line: arguments in, exit code out.

pub(crate) mod load;
