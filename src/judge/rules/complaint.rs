//! What is wrong with a rule file, where, and how to mend it.

use std::fmt;

/// One thing wrong in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Id of the rule, where it has one.
    pub rule: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule `{rule}`: ")?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Everything wrong with a set of rule files, so that one edit can mend it all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleErrors(pub Vec<Complaint>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, complaint) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{complaint}")?;
        }
        Ok(())
    }
}
