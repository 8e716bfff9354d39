"""The course for nbgrader, on the command line and on a JupyterHub; for tools/classroom.py, too."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "vqedu"
c.IncludeHeaderFooter.header = ""
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("your code goes here")'}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
c.OverwriteCells.add_missing_cells = True  # a test that was deleted is put back
c.Execute.timeout = 60  # seconds for one cell
c.LimitOutput.max_lines = 200
c.HTMLExporter.sanitize_html = True  # no scripts of students' outputs in feedback pages
c.GenerateAssignment.create_assignment = True
