//! The dashboard answers to its own names alone, so that no other name can be made to point at it.

use server_scout_tests::Dashboard;
use server_scout_tests::dashboard::Setup;

async fn status(dashboard: &Dashboard, host: &str) -> u16 {
    let mut connection = dashboard.connect().await;
    let request = format!("GET /login HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
    connection.send(request.as_bytes()).await.unwrap();
    connection.answer().await.status
}

#[tokio::test]
async fn a_strange_host_is_421() {
    let dashboard = Dashboard::start().await;
    let port = dashboard.address().port();
    for good in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"] {
        assert_eq!(
            status(&dashboard, &format!("Host: {good}:{port}\r\n")).await,
            200,
            "{good}"
        );
    }
    for bad in [
        "evil.example",
        "evil.example:443",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "127.0.0.2",
        "[::2]",
        "0",
    ] {
        let status = status(&dashboard, &format!("Host: {bad}\r\n")).await;
        assert!([400, 421].contains(&status), "{bad}: {status}");
    }
    assert_eq!(status(&dashboard, "Host: evil.example\r\n").await, 421);
}

#[tokio::test]
async fn no_host_and_two_hosts_are_refused() {
    let dashboard = Dashboard::start().await;
    for host in [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil\r\n",
    ] {
        let status = status(&dashboard, host).await;
        assert!([400, 421].contains(&status), "{host:?}: {status}");
    }
}

#[tokio::test]
async fn a_forwarded_host_is_not_believed() {
    let dashboard = Dashboard::start().await;
    let mut connection = dashboard.connect().await;
    let head = "GET /servers\nX-Forwarded-Host: evil.example\nForwarded: host=evil.example";
    let page = connection.exchange(head, b"").await;
    assert_eq!(page.status, 303);
    assert!(!page.header("location").unwrap_or_default().contains("evil"));
}

#[tokio::test]
async fn hosts_are_a_setting() {
    let setup = Setup::new().set("SERVERSCOUT_HOSTS", "localhost,scout.example.org");
    let dashboard = setup.start().await;
    assert_eq!(status(&dashboard, "Host: scout.example.org\r\n").await, 200);
    assert_eq!(status(&dashboard, "Host: www.example.org\r\n").await, 421);
}
