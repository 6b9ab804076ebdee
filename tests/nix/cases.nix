# Hosts with the modules: what is refused, and with which words; what comes of the others.
{
  nixpkgs ? toString ./nixpkgs,
}:
let
  flake = import ./outputs.nix { inherit nixpkgs; };
  inherit (flake) lib;

  agent = settings: {
    services.server-scout-agent = {
      enable = true;
      url = "https://scout.example.org";
    }
    // settings;
  };
  dashboard = settings: {
    services.server-scout = {
      enable = true;
      publicUrl = "https://scout.example.org";
    }
    // settings;
  };

  host =
    module:
    lib.nixosSystem {
      modules = [
        flake.nixosModules.default
        module
        {
          nixpkgs.hostPlatform = "x86_64-linux";
          system.stateVersion = lib.trivial.release;
        }
      ];
    };

  # Refused with these words before anything is built.
  refused = {
    "an agent that sends in the clear" = {
      module = agent { url = "http://scout.example.org"; };
      words = "expected an https:// address";
    };
    "an agent key in the store" = {
      module = agent { apiKeyFile = "${builtins.storeDir}/key"; };
      words = "apiKeyFile lies in the store";
    };
    "an agent key among the settings" = {
      module = agent { settings.api_key = "ssk_1"; };
      words = "settings takes no key";
    };
    "a dashboard in the clear" = {
      module = dashboard { publicUrl = "http://scout.example.org"; };
      words = "expected an https:// address";
    };
    "certificate files that are not named" = {
      module = dashboard { tls.mode = "files"; };
      words = "needs both tls.certFile and tls.keyFile";
    };
    "certificate files that nobody uses" = {
      module = dashboard { tls.certFile = "/c.pem"; };
      words = "are for tls.mode = \"files\" alone";
    };
    "a private key in the store" = {
      module = dashboard {
        tls = {
          mode = "files";
          certFile = "/c.pem";
          keyFile = "${builtins.storeDir}/key.pem";
        };
      };
      words = "tls.keyFile lies in the store";
    };
    "a master key in the store" = {
      module = dashboard { masterKeyFile = "${builtins.storeDir}/key"; };
      words = "masterKeyFile lies in the store";
    };
    "an open port that leads nowhere" = {
      module = dashboard { openFirewall = true; };
      words = "listens on\n127.0.0.1 alone";
    };
    "settings that the module makes" = {
      module = dashboard { settings.listen = "0.0.0.0:1"; };
      words = "use its own options for them";
    };
    "a dashboard that sends by itself without a way out" = {
      module = dashboard { settings.outbound.mode = "inline"; };
      words = "leave it to server-scout-notify.service";
    };
  };

  # Refused by the type of an option.
  illTyped = {
    "a tier that is too fast" = agent { tiers.fast = 0; };
    "a secret that is withheld by no name" = agent { withhold = [ "everything" ]; };
    "a way to TLS that there is not" = dashboard { tls.mode = "none"; };
  };

  # What comes of a host, and what it should be.
  made = {
    "an agent with addresses reaches no others" = {
      value =
        (host (agent {
          allowedAddresses = [ "192.0.2.10" ];
        })).config.systemd.services.server-scout-agent.serviceConfig.IPAddressAllow;
      expected = [
        "localhost"
        "192.0.2.10"
      ];
    };
    "the key is a credential" = {
      value =
        (host (agent {
          apiKeyFile = "/run/secrets/key";
        })).config.systemd.services.server-scout-agent.serviceConfig.LoadCredential;
      expected = "api-key:/run/secrets/key";
    };
    "the firewall stays closed unless it is asked to open" = {
      value = lib.elem 8443 (host (dashboard { })).config.networking.firewall.allowedTCPPorts;
      expected = false;
    };
    "the firewall opens for a dashboard that listens to all" = {
      value =
        lib.elem 8443
          (host (dashboard {
            openFirewall = true;
            address = "0.0.0.0";
          })).config.networking.firewall.allowedTCPPorts;
      expected = true;
    };
    "an address of version 6 is written as sockets want it" = {
      value =
        (host (dashboard {
          address = "::";
        })).config.systemd.sockets.server-scout.listenStreams;
      expected = [ "[::]:8443" ];
    };
    "nginx alone may open the socket of a dashboard behind it" = {
      value =
        let
          socket =
            (host (dashboard {
              tls.mode = "nginx";
            })).config.systemd.sockets.server-scout;
        in
        socket.listenStreams ++ [ "${socket.socketConfig.SocketMode} ${socket.socketConfig.SocketGroup}" ];
      expected = [
        "/run/server-scout.sock"
        "0660 nginx"
      ];
    };
    "nginx speaks TLS for the dashboard's host" = {
      value =
        (host (dashboard {
          tls.mode = "nginx";
        })).config.services.nginx.virtualHosts."scout.example.org".forceSSL;
      expected = true;
    };
    "each service has its own credential" = {
      value =
        let
          services =
            (host (dashboard {
              masterKeyFile = "/run/secrets/key";
            })).config.systemd.services;
        in
        map (name: services.${name}.serviceConfig.LoadCredential) [
          "server-scout"
          "server-scout-notify"
        ];
      expected = [
        "master-key:/run/secrets/key"
        "master-key:/run/secrets/key"
      ];
    };
    "what sends does not see the key of a certificate by ACME" = {
      value =
        (host {
          imports = [ (dashboard { tls.mode = "acme"; }) ];
          config.security.acme.certs."scout.example.org".directory = "/var/lib/acme/scout";
        }).config.systemd.services.server-scout-notify.serviceConfig.InaccessiblePaths;
      expected = [
        "/var/lib/server-scout/keys -/etc/server-scout/tls"
        "-/var/lib/acme/scout"
      ];
    };
    "a directive that differs is told" = {
      value = import ../../nix/compare-units.nix {
        inherit lib;
        units = [
          {
            plain = "[Unit]\nAfter=a b\nAfter=c\n[Service]\nMemoryMax=1M\nSystemCallFilter=a\nSystemCallFilter=b\n";
            module = "[Unit]\nAfter=c a b\n[Service]\nMemoryMax=2M\nSystemCallFilter=b\nSystemCallFilter=a\n";
          }
        ];
      };
      expected = [
        "Service.MemoryMax: plain 1M, module 2M"
        "Service.SystemCallFilter: plain a | b, module b | a"
      ];
    };
  };

  # Each setting of the modules at least once; the programs themselves check what comes of it.
  built = {
    agent = agent {
      caFile = ../../flake.lock;
      tiers.fast = 10;
      services = [
        "sshd"
        "nginx"
      ];
      withhold = [ "updates" ];
      tags = [
        "web"
        "env:prod"
      ];
      settings.log = "warn";
    };
    dashboard = dashboard {
      masterKeyFile = "/run/secrets/master-key";
      settings = {
        limits.servers = 200;
        smtp = {
          host = "mail.example.org";
          from = "Server Scout <scout@example.org>";
        };
      };
    };
    dashboard-acme = {
      imports = [ (dashboard { tls.mode = "acme"; }) ];
      config.security.acme.certs."scout.example.org" = { };
    };
    dashboard-nginx = dashboard { tls.mode = "nginx"; };
    # These two the programs refuse, and with them the host is not built.
    wrong-agent = agent { settings.tags = "NO"; };
    wrong-dashboard = dashboard { settings.limits.servers = 0; };
  };

  messages =
    module: map (one: one.message) (lib.filter (one: !one.assertion) (host module).config.assertions);
  failures =
    lib.concatLists (
      lib.mapAttrsToList (
        name: case:
        lib.optional (
          !builtins.any (lib.hasInfix case.words) (messages case.module)
        ) "${name} is not refused: ${builtins.toJSON (messages case.module)}"
      ) refused
    )
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: module:
        lib.optional (builtins.tryEval (builtins.deepSeq (units module) true)).success "${name} is not refused"
      ) illTyped
    )
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: case:
        lib.optional (
          case.value != case.expected
        ) "${name}: ${builtins.toJSON case.value} and not ${builtins.toJSON case.expected}"
      ) made
    )
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: module:
        map (message: "${name} is refused: ${message}") (
          lib.filter (lib.hasPrefix "services.server-scout") (messages module)
        )
      ) built
    );

  units =
    module:
    let
      inherit (host module) config;
      text = name: config.systemd.units.${name}.text or "";
    in
    map text [
      "server-scout-agent.service"
      "server-scout.service"
      "server-scout-notify.service"
      "server-scout.socket"
    ];
in
{
  # Nothing, or what went wrong in a line each.
  failures = lib.concatStringsSep "\n" failures;
  count = lib.length (
    lib.attrNames refused ++ lib.attrNames illTyped ++ lib.attrNames made ++ lib.attrNames built
  );
  # To be built: the units of each, and the files that they name with them.
  built = lib.mapAttrs (
    name: module:
    (host module).pkgs.runCommand name { } ''
      cat >$out <<'UNITS'
      ${lib.concatStringsSep "\n" (units module)}
      UNITS
    ''
  ) built;
}
