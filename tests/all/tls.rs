//! HTTPS by the server itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{BINARY, OPERATOR, Server};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Writes a new certificate for the address the server listens on, and gives it as PEM.
fn write_certificate(certificate: &Path, key: &Path) -> String {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(certificate, cert.pem()).unwrap();
    fs::write(key, signing_key.serialize_pem()).unwrap();
    cert.pem()
}

/// A client that trusts one certificate and nothing else.
fn trusting(pem: &str) -> ureq::Agent {
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(pem.as_bytes()).unwrap()]);
    let tls = TlsConfig::builder().root_certs(roots).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

#[test]
fn https_is_served_and_a_renewed_certificate_is_read_on_hangup() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let first = write_certificate(&certificate, &key);
    let data_dir = directory.path().join("data");
    let settings = [("ROLLCALL_TLS_CERT", certificate.to_str().unwrap()), ("ROLLCALL_TLS_KEY", key.to_str().unwrap())];
    let mut server = Server::start_set(&data_dir, OPERATOR, &settings);
    let url = server.url.replace("http://", "https://");

    let client = trusting(&first);
    let answer = client.get(format!("{url}/healthz")).call().unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    let signed_in = client.post(format!("{url}/v1/session")).send_json(json!({"token": OPERATOR})).unwrap();
    assert!(signed_in.headers()["set-cookie"].to_str().unwrap().contains("Secure"));
    assert!(ureq::get(format!("{url}/healthz")).call().is_err(), "nobody vouches for it");
    assert!(ureq::get(format!("{}/healthz", server.url)).call().is_err(), "plain HTTP is not answered");

    // Commands on this machine find it by the data directory.
    let mut list = Command::new(BINARY);
    list.args(["token", "list", "--data-dir"]).arg(&data_dir).env("ROLLCALL_TOKEN", OPERATOR);
    let listed = list.output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));

    let second = write_certificate(&certificate, &key);
    fs::write(&key, "no key").unwrap();
    let hangup = || assert!(Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().unwrap().success());
    let until_logged = |words: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !server.log.lock().unwrap().contains(words) {
            assert!(Instant::now() < deadline, "the log does not say '{words}'");
            std::thread::yield_now();
        }
    };
    hangup();
    until_logged("the certificate in use stays");
    assert!(trusting(&first).get(format!("{url}/healthz")).call().is_ok());
    assert!(trusting(&second).get(format!("{url}/healthz")).call().is_err());
    let third = write_certificate(&certificate, &key);
    hangup();
    until_logged("read the certificate again");
    assert!(trusting(&third).get(format!("{url}/healthz")).call().is_ok());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn what_is_no_certificate_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let serve = || {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.path().join("data"));
        let output = command.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(serve().contains("cert.pem: "));
    fs::write(&certificate, "").unwrap();
    assert!(serve().contains("cert.pem: there is no certificate in it"));
    write_certificate(&certificate, &directory.path().join("another.pem"));
    assert!(serve().contains("key.pem: "));
}
