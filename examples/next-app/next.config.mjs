export default { serverExternalPackages: ["pictograph", "express"] };
