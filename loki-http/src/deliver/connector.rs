//! Connections to an endpoint, encrypted where its URL says so.

use crate::settings::ClientTlsSettings;
use crate::tls::{certificates, named};
use axum::http::Uri;
use hyper_rustls::{ConfigBuilderExt, FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use std::io;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

pub(super) type Connector = HttpsConnector<HttpConnector>;

/// What connects to `url`.
///
/// # Errors
///
/// A certificate cannot be read; the message names the file.
pub(super) fn new(url: &Uri, settings: &ClientTlsSettings) -> io::Result<Connector> {
    let is_encrypted = url.scheme_str() == Some("https");
    let config = match is_encrypted {
        true => config(settings)?,
        // Never used: certificates of the system that are not there must not hinder anybody who needs none.
        false => ClientConfig::builder()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    let builder = match &settings.server_name {
        None => builder,
        Some(name) => {
            let name = ServerName::try_from(name.clone())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?}: {error}")))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
    };
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    Ok(builder.enable_http1().wrap_connector(http))
}

fn config(settings: &ClientTlsSettings) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder();
    let builder = if settings.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(ring::default_provider())))
    } else if let Some(file) = &settings.ca_file {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|error| named(file, error))?;
        }
        builder.with_root_certificates(roots)
    } else {
        builder.with_native_roots()?
    };
    match (&settings.cert_file, &settings.key_file) {
        (Some(chain), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, error))?;
            builder
                .with_client_auth_cert(certificates(chain)?, private)
                .map_err(|error| named(chain, error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a client's certificate needs both a cert_file and a key_file",
        )),
    }
}

/// Believes every certificate whose key the server has: what `insecure_skip_verify` asks for.
#[derive(Debug)]
struct AnyCertificate(CryptoProvider);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
