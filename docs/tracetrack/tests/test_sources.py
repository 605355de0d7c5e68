"""Every file compiles, and says what its public parts are for."""
import ast
import glob
import os
import unittest

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class SourceTests(unittest.TestCase):
    """The package, the stand-in and the tools."""

    def test_every_public_part_is_explained_and_typed(self) -> None:
        """A sentence for each module, class and public function; types for each argument."""
        files = glob.glob(os.path.join(HERE, "**", "*.py"), recursive=True)
        self.assertGreater(len(files), 10)
        for path in files:
            with open(path, encoding="utf-8") as file:
                tree = ast.parse(file.read(), path)
            if tree.body:
                self.assertIsNotNone(ast.get_docstring(tree), path)
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    name = f"{path}:{node.lineno} {node.name}"
                    self.assertTrue(node.name.startswith("_") or ast.get_docstring(node), name)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.assertIsNotNone(node.returns, name)
                    for argument in node.args.args + node.args.kwonlyargs:
                        self.assertTrue(argument.arg in ("self", "cls") or argument.annotation, name)


if __name__ == "__main__":
    unittest.main()
