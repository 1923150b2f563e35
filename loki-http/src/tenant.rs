//! Whose data a request is about: `X-Scope-OrgID`.

use crate::respond::Failure;
use axum::http::{HeaderMap, StatusCode};
use loki_core::TenantId;

/// The header that names the tenant.
const HEADER: &str = "x-scope-orgid";

/// Where the tenant of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenancy {
    /// There is one tenant; the header is ignored.
    Single,
    /// The header names it.
    Header,
}

impl Tenancy {
    /// The tenant of a request with these headers.
    ///
    /// # Errors
    ///
    /// `401` without a tenant, `400` for a name that is none or for two different names.
    pub(crate) fn tenant(self, headers: &HeaderMap) -> Result<TenantId, Failure> {
        match self {
            Tenancy::Single => Ok(TenantId::single()),
            Tenancy::Header => named(headers),
        }
    }

    /// The tenants of a request that reads; `many_allowed`: `a|b` names two.
    ///
    /// # Errors
    ///
    /// `401` without a tenant, `400` for a name that is none, `500` for several names where one is allowed and where
    /// all are empty.
    pub(crate) fn tenants(self, headers: &HeaderMap, many_allowed: bool) -> Result<Tenants, Failure> {
        match self {
            Tenancy::Single => Ok(Tenants {
                names: vec![TenantId::single()],
                are_several: false,
            }),
            Tenancy::Header => all_named(headers, many_allowed),
        }
    }
}

/// The tenants that a request reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenants {
    /// Each once.
    pub(crate) names: Vec<TenantId>,
    /// Whether the request gave several names; an empty one counts, though no tenant has it.
    pub(crate) are_several: bool,
}

/// The tenant that the header names.
pub(crate) fn named(headers: &HeaderMap) -> Result<TenantId, Failure> {
    match <[TenantId; 1]>::try_from(distinct(text(headers)?.split('|'))?) {
        Ok([tenant]) => Ok(tenant),
        Err(_) => Err(Failure::bad_request("multiple org IDs present")),
    }
}

/// The tenants that the header of a reading request names.
fn all_named(headers: &HeaderMap, many_allowed: bool) -> Result<Tenants, Failure> {
    let text = text(headers)?;
    let has_empty = text.split('|').any(str::is_empty);
    let names = distinct(text.split('|').filter(|name| !name.is_empty()))?;
    let are_several = names.len() + usize::from(has_empty) > 1;
    if names.is_empty() || (has_empty && !many_allowed) {
        let text = "no queue found: empty tenant is not allowed";
        return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    if are_several && !many_allowed {
        return Err(Failure::several_tenants());
    }
    Ok(Tenants { names, are_several })
}

/// The value of the header, which is not empty.
fn text(headers: &HeaderMap) -> Result<&str, Failure> {
    let value = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if value.is_empty() {
        return Err(Failure::no_tenant());
    }
    // Loki looks at bytes; one that is no ASCII prints as the character of that number.
    match (std::str::from_utf8(value), value.iter().find(|byte| !byte.is_ascii())) {
        (Ok(text), None) => Ok(text),
        (_, byte) => {
            let name = String::from_utf8_lossy(value);
            let bad = char::from(byte.copied().unwrap_or_default());
            Err(Failure::bad_request(format!(
                "tenant ID '{name}' contains unsupported character '{bad}'"
            )))
        }
    }
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<TenantId>, Failure> {
    let mut tenants = Vec::new();
    for name in names {
        // The engine's kind of this error is a bad push; here it is a bad request of any kind.
        let tenant: TenantId = name
            .parse()
            .map_err(|error: loki_core::Error| Failure::bad_request(error.message()))?;
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
    Ok(tenants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn tenant(value: Option<&[u8]>) -> Result<String, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(HEADER, HeaderValue::from_bytes(value).expect("a header value"));
        }
        Tenancy::Header.tenant(&headers).map(|tenant| tenant.to_string())
    }

    #[test]
    fn the_header_names_one_tenant() {
        for (value, name) in [
            ("a", "a"),
            ("a|a", "a"),
            ("team:sub", "team"),
            ("a*b(c)!'-_.", "a*b(c)!'-_."),
        ] {
            assert_eq!(tenant(Some(value.as_bytes())), Ok(name.to_owned()));
        }
    }

    #[test]
    fn bad_names_are_refused_with_lokis_words() {
        assert_eq!(tenant(None), Err(Failure::no_tenant()));
        assert_eq!(tenant(Some(b"")), Err(Failure::no_tenant()));
        for (value, problem) in [
            (&b"a/b"[..], "tenant ID 'a/b' contains unsupported character '/'"),
            (b"..", "tenant ID is '.' or '..'"),
            (b"a|b", "multiple org IDs present"),
            (b"\xfcn", "tenant ID '\u{fffd}n' contains unsupported character 'ü'"),
        ] {
            assert_eq!(tenant(Some(value)), Err(Failure::bad_request(problem)));
        }
    }

    #[test]
    fn readers_may_name_several_tenants_where_that_is_allowed() {
        let tenants = |value: &'static str, many_allowed| {
            let headers = HeaderMap::from_iter([(HEADER.parse().expect("a name"), HeaderValue::from_static(value))]);
            let tenants = Tenancy::Header.tenants(&headers, many_allowed)?;
            let names: Vec<String> = tenants.names.iter().map(TenantId::to_string).collect();
            Ok::<_, Failure>((names.join(","), tenants.are_several))
        };
        let empty = Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no queue found: empty tenant is not allowed",
        );
        for (value, one, many) in [
            ("a", Ok(("a", false)), Ok(("a", false))),
            ("a|a", Ok(("a", false)), Ok(("a", false))),
            ("b|a|b", Err(Failure::several_tenants()), Ok(("b,a", true))),
            ("a|", Err(empty.clone()), Ok(("a", true))),
            ("|", Err(empty.clone()), Err(empty.clone())),
        ] {
            for (many_allowed, expected) in [(false, one), (true, many)] {
                let expected = expected.map(|(names, several)| (names.to_owned(), several));
                assert_eq!(tenants(value, many_allowed), expected, "{value} {many_allowed}");
            }
        }
    }

    #[test]
    fn without_authentication_the_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("a/b"));
        assert_eq!(Tenancy::Single.tenant(&headers), Ok(TenantId::single()));
    }
}
