//! Who data belongs to.

use crate::{Error, ErrorKind};
use std::fmt;
use std::sync::Arc;

/// The name of a tenant, checked: at most 150 bytes of `a-z A-Z 0-9 ! - _ . * ' ( )`, not `.` and not `..`.
///
/// ```
/// use loki_core::TenantId;
/// let tenant: TenantId = "team-a".parse()?;
/// assert_eq!(tenant.as_str(), "team-a");
/// assert!("a/b".parse::<TenantId>().is_err());
/// # Ok::<(), loki_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// Longest name of a tenant in bytes, as Loki documents it.
const MAX_TENANT_BYTES: usize = 150;

impl TenantId {
    /// The tenant of a server without authentication, named as Loki names it.
    pub fn single() -> TenantId {
        TenantId("fake".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for TenantId {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidPush`] with Loki's text, also for an empty name.
    fn from_str(text: &str) -> Result<TenantId, Error> {
        // Everything behind the first colon is a sub-tenant, which Loki cuts off.
        let name = text.split(':').next().unwrap_or_default();
        let problem = if name.is_empty() {
            "no org id".to_owned()
        } else if let Some(bad) = name.chars().find(|&c| !is_allowed(c)) {
            format!("tenant ID '{name}' contains unsupported character '{bad}'")
        } else if name.len() > MAX_TENANT_BYTES {
            format!("tenant ID is too long: max {MAX_TENANT_BYTES} characters")
        } else if name == "." || name == ".." {
            "tenant ID is '.' or '..'".to_owned()
        } else {
            return Ok(TenantId(name.into()));
        };
        Err(Error::new(ErrorKind::InvalidPush, problem))
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!-_.*'()".contains(c)
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_alphabet_are_refused_with_the_character_named() {
        for (text, problem) in [
            ("a/b", "tenant ID 'a/b' contains unsupported character '/'"),
            ("..", "tenant ID is '.' or '..'"),
            ("", "no org id"),
        ] {
            assert_eq!(text.parse::<TenantId>().expect_err(text).message(), problem);
        }
        assert!("a".repeat(151).parse::<TenantId>().is_err());
        assert!("a".repeat(150).parse::<TenantId>().is_ok());
    }

    #[test]
    fn a_sub_tenant_is_cut_off() {
        assert_eq!("team:sub".parse::<TenantId>().expect("valid").as_str(), "team");
    }
}
