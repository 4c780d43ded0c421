// Members: somebody with an account gets a role in the project, or another one.

import { call } from "./api.js";
import { saving } from "./form.js";

export function wirePeople(form, project, done) {
  const { login, role } = form.elements;
  const members = `/api/v1/projects/${encodeURIComponent(project)}/members/`;
  saving(
    form,
    async () => {
      try {
        return await call("PUT", members + encodeURIComponent(login.value.trim()), { body: { role: role.value } });
      } catch (error) {
        if (error.kind === "not-found") error.fields = [{ field: "login", message: error.message }];
        throw error;
      }
    },
    () => {
      login.value = "";
      done().catch(() => {});
    },
  );
}
