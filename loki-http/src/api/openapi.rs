//! `/openapi.yaml`: what this API is, for programs.

use crate::respond;
use axum::response::Response;

/// The description of all endpoints, OpenAPI 3.1.
pub(crate) const DESCRIPTION: &str = include_str!("../../openapi.yaml");

/// The description.
pub(crate) async fn page() -> Response {
    respond::ok("application/yaml", DESCRIPTION)
}
