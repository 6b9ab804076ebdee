# A module together with the overlay that has its packages. It is told from the same one imported twice
# by its key.
overlay: module: {
  key = "server-scout ${toString module}";
  imports = [ module ];
  config.nixpkgs.overlays = [ overlay ];
}
