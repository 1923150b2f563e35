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
}

/// The tenant that the header names.
pub(crate) fn named(headers: &HeaderMap) -> Result<TenantId, Failure> {
    let value = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if value.is_empty() {
        return Err(Failure::no_tenant());
    }
    if let Some(&byte) = value.iter().find(|byte| !byte.is_ascii()) {
        // Loki looks at bytes; one that is no ASCII prints as the character of that number.
        let name = String::from_utf8_lossy(value);
        let problem = format!(
            "tenant ID '{name}' contains unsupported character '{}'",
            char::from(byte)
        );
        return Err(Failure::bad_request(problem));
    }
    let value = String::from_utf8_lossy(value);
    let mut tenants = Vec::new();
    for name in value.split('|') {
        // The engine's kind of this error is a bad push; here it is a bad request of any kind.
        let tenant: TenantId = name
            .parse()
            .map_err(|error: loki_core::Error| Failure::bad_request(error.message()))?;
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
    match <[TenantId; 1]>::try_from(tenants) {
        Ok([tenant]) => Ok(tenant),
        Err(_) => Err(Failure::new(StatusCode::BAD_REQUEST, "multiple org IDs present")),
    }
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
    fn without_authentication_the_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("a/b"));
        assert_eq!(Tenancy::Single.tenant(&headers), Ok(TenantId::single()));
    }
}
